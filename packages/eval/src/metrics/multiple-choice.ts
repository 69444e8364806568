/** Multiple choice: the answer's letter, or the whole answer where it names none. */
import { looseText } from './exact-match.ts'
import { defineMetric } from './metric.ts'

export const multipleChoice = defineMetric<string>({
  name: 'multiple choice',
  score: (prediction, reference) => Number(looseText(chosenLetter(prediction)) === looseText(reference)),
})

/** "B. a cat" -> "B"; anything else stays as it is. */
export function chosenLetter(answer: string): string {
  return /^\s*([A-Z])\./.exec(answer)?.[1] ?? answer
}
