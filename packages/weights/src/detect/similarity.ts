/** How alike two names are: 0 for names that share no word, 1 for equal ones. */

/** Words of published checkpoints that mean the same. */
const synonyms: Record<string, string> = {
  query: 'q',
  wq: 'q',
  key: 'k',
  wk: 'k',
  value: 'v',
  wv: 'v',
  out: 'o',
  output: 'o',
  wo: 'o',
  w1: 'gate',
  w3: 'up',
  w2: 'down',
  cross: 'casa',
  xa: 'casa',
  ca: 'casa',
  attention: 'attn',
  embed: 'embedding',
  wte: 'embedding',
  ln: 'norm',
  layernorm: 'norm',
}

function wordsOf(name: string): string[] {
  const parts = name
    .toLowerCase()
    .split(/[._*]+/)
    .filter((part) => part !== '')
  return parts.map((part) => synonyms[part] ?? part)
}

/** Dice's coefficient over words: twice the shared ones over all, so that order and depth do not matter. */
export function similarity(one: string, other: string): number {
  const [left, right] = [wordsOf(one), wordsOf(other)]
  const rest = [...right]
  let shared = 0
  for (const word of left) {
    const at = rest.indexOf(word)
    if (at === -1) continue
    rest.splice(at, 1)
    shared++
  }
  return (2 * shared) / (left.length + right.length)
}
