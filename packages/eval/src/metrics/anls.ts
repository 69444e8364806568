/**
 * ANLS, average normalised Levenshtein similarity (Biten et al. 2019, arXiv 1907.00490), as lmms-eval computes it.
 */
import { levenshtein } from './levenshtein.ts'
import { defineMetric } from './metric.ts'
import { codePoints, splitWords } from './python.ts'

/** The reference is the list of right answers; the best counts, and below one half none does. */
export const anls = defineMetric<readonly string[]>({
  name: 'ANLS',
  score(prediction, references) {
    const distances = references.map((reference) => {
      const distance = levenshtein(normalise(reference), normalise(prediction))
      // The original divides by the lengths of the raw texts in upper case, where "ß" counts two.
      const length = Math.max(codePoints(reference.toUpperCase()), codePoints(prediction.toUpperCase()))
      return length === 0 ? 0 : distance / length
    })
    const similarity = 1 - Math.min(...distances)
    return similarity < 0.5 ? 0 : similarity
  },
})

function normalise(text: string): string {
  return splitWords(text.toLowerCase()).join(' ')
}
