/** Fewest insertions, deletions and replacements of code points that turn one text into the other. */
export function levenshtein(a: string, b: string): number {
  const from = Array.from(a)
  let row = Array.from({ length: from.length + 1 }, (_, i) => i)
  for (const [j, letter] of Array.from(b).entries()) {
    const next = [j + 1]
    for (let i = 0; i < from.length; i++) {
      next.push(from[i]! === letter ? row[i]! : 1 + Math.min(row[i]!, row[i + 1]!, next[i]!))
    }
    row = next
  }
  return row[from.length]!
}
