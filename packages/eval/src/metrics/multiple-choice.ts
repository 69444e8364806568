/** Multiple choice: the answer's letter, or the whole answer where it names none. */
import { looseMatchUntrimmed, looseText } from './exact-match.ts'
import { defineMetric } from './metric.ts'
import { strip } from './python.ts'

/** Equality of letters ignoring case and punctuation, white space around trimmed. */
export const multipleChoice = defineMetric<string>({
  name: 'multiple choice',
  score: (prediction, reference) => Number(looseText(chosenLetter(prediction)) === looseText(reference)),
})

/** The CASA authors' AI2D: the letter rule, then exact equality. "b", "B)", "(B)", "b." and "B " are wrong. */
export const exactChoice = defineMetric<string>({
  name: 'multiple choice, exact',
  score: (prediction, reference) => Number(chosenLetter(prediction) === reference),
})

/** lmms-eval's AI2D: the letter rule, then equality ignoring case and punctuation; white space counts. */
export const multipleChoiceUntrimmed = defineMetric<string>({
  name: 'multiple choice, untrimmed',
  score: (prediction, reference) => looseMatchUntrimmed.score(chosenLetter(prediction), reference),
})

/** "B. a cat" -> "B"; anything else stays as it is. */
export function chosenLetter(answer: string): string {
  return /^([A-Z])\./.exec(strip(answer))?.[1] ?? answer
}
