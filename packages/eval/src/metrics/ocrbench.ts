/**
 * OCRBench (Liu et al. 2023, arXiv 2305.07895): the answer must contain the text. 1,000 questions of ten types.
 */
import { defineMetric } from './metric.ts'
import { strip } from './python.ts'

export interface OcrBenchReference {
  answer: string | readonly string[]
  /** Formulas of "HME100k" are compared without spaces and with case; all else in lower case. */
  dataset: string
  questionType: string
}

export const ocrBench = defineMetric<OcrBenchReference>({
  name: 'OCRBench',
  unit: 'points',
  score(prediction, { answer, dataset }) {
    const normalise = dataset === 'HME100k' ? normaliseFormula : normaliseText
    const said = normalise(prediction)
    const answers = typeof answer === 'string' ? [answer] : answer
    return Number(answers.some((each) => said.includes(normalise(each))))
  },
  /** Right answers by type, and their sum: out of 1,000 on the whole benchmark. */
  summarise(answers) {
    const numbers: Record<string, number> = { total: 0 }
    for (const { score, reference } of answers) {
      numbers.total! += score
      numbers[reference.questionType] = (numbers[reference.questionType] ?? 0) + score
    }
    return { numbers, main: 'total' }
  },
})

function normaliseFormula(text: string): string {
  return strip(text).replaceAll('\n', ' ').replaceAll(' ', '')
}

function normaliseText(text: string): string {
  return strip(text.toLowerCase()).replaceAll('\n', ' ')
}
