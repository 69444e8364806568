/** Yes-or-no metrics: MME and POPE. */
import { CasaError } from '@casa-js/base'
import { defineMetric, mean, type Metric, type Scored } from './metric.ts'
import { strip } from './python.ts'

export type YesNo = 'yes' | 'no' | 'other'

/** MME's reading of an answer: a single letter, or the first four characters ("eyes" is a yes, "know" a no). */
export function parseYesNo(answer: string): YesNo {
  const text = strip(answer.toLowerCase()).replaceAll('.', '')
  if (text === 'yes' || text === 'y') return 'yes'
  if (text === 'no' || text === 'n') return 'no'
  const start = Array.from(text).slice(0, 4).join('')
  if (Array.from(text).length === 1) return 'other'
  return start.includes('yes') ? 'yes' : start.includes('no') ? 'no' : 'other'
}

export interface MmeReference {
  answer: string
  category: string
  /** The same for the two questions about one image. */
  questionId: string
}

/** MME's categories of cognition; the others are perception. */
const COGNITION = new Set(['commonsense_reasoning', 'numerical_calculation', 'text_translation', 'code_reasoning'])

/** MME (Fu et al. 2023, arXiv 2306.13394): accuracy % + accuracy+ % (both questions of an image right), summed over categories. */
export const mme = defineMetric<MmeReference>({
  name: 'MME',
  unit: 'points',
  score: (prediction, { answer }) => Number(parseYesNo(prediction) === parseYesNo(answer)),
  /** Numbers: each category, perception, cognition and total. @throws CasaError for an image without exactly two questions */
  summarise(answers) {
    const categories = new Map<string, Map<string, number[]>>()
    for (const { score, reference } of answers) {
      const images = categories.get(reference.category) ?? new Map<string, number[]>()
      categories.set(reference.category, images)
      images.set(reference.questionId, [...(images.get(reference.questionId) ?? []), score])
    }
    const numbers: Record<string, number> = {}
    let perception = 0
    let cognition = 0
    for (const [category, images] of categories) {
      const points = [...images].map(([questionId, scores]) => {
        if (scores.length !== 2)
          throw new CasaError(`MME: image "${questionId}" of "${category}" has ${scores.length} questions, expected 2`)
        const right = scores[0]! + scores[1]!
        return (right === 2 ? 100 : 0) + (right / 2) * 100
      })
      numbers[category] = mean(points)
      if (COGNITION.has(category)) cognition += numbers[category]
      else perception += numbers[category]
    }
    return { numbers: { ...numbers, perception, cognition, total: perception + cognition }, main: 'total' }
  },
})

/** POPE (Li et al. 2023, arXiv 2305.10355): does the image show the object? An answer must be just "yes" or "no". */
export const pope = popeBy('POPE', ({ prediction }) => prediction)

/** lmms-eval 0.7.3: its yes ratio is that of the right answers, a constant of the data. */
export const popeOfTruth = popeBy('POPE, yes ratio of the truth', ({ reference }) => reference)

function popeBy(name: string, ratioOf: (answer: Scored<string>) => string): Metric<string> {
  return defineMetric<string>({
    name,
    score: (prediction, reference) => Number(plainAnswer(prediction) === plainAnswer(reference)),
    summarise(answers) {
      const count = (said: string, truth: string): number =>
        answers.filter((each) => plainAnswer(each.prediction) === said && plainAnswer(each.reference) === truth).length
      const ratio = (part: number, rest: number): number => (part + rest > 0 ? part / (part + rest) : 0)
      const precision = ratio(count('yes', 'yes'), count('yes', 'no'))
      const recall = ratio(count('yes', 'yes'), count('no', 'yes'))
      const f1 = precision + recall > 0 ? (2 * (precision * recall)) / (precision + recall) : 0
      const accuracy = mean(answers.map((each) => each.score))
      const counted = answers.map((each) => plainAnswer(ratioOf(each)))
      const [yes, no] = ['yes', 'no'].map((word) => counted.filter((each) => each === word).length) as [number, number]
      return { numbers: { accuracy, precision, recall, f1, yesRatio: ratio(yes, no) }, main: 'accuracy' }
    },
  })
}

function plainAnswer(text: string): string {
  return strip(text.toLowerCase())
}
