/** @param names columns at the left that hold names; the others hold numbers */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[], names = 1): string =>
  [head, head.map((_, i) => (i < names ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
