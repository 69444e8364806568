/** The most similar name, for error messages. */
import { distance } from 'fastest-levenshtein'

/** The nearest candidate by edit distance, if it shares at least half of the name. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.floor(name.length / 2) + 1
  for (const candidate of candidates) {
    // The difference in length is a cheap lower bound.
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const edits = distance(name, candidate)
    if (edits < bestDistance) [best, bestDistance] = [candidate, edits]
  }
  return best
}
