/**
 * OCRBench (Liu et al. 2023, arXiv 2305.07895): the answer must contain the text. 1,000 questions of ten types.
 */
import { defineMetric, type Metric } from './metric.ts'
import { strip } from './python.ts'

export interface OcrBenchReference {
  answer: string | readonly string[]
  /** Formulas of "HME100k" are compared without spaces and with case; all else in lower case. */
  dataset: string
  questionType: string
}

export const ocrBench = ocrBenchBy('OCRBench', normaliseText)

/** lmms-eval 0.7.3: full-width signs and spaces count as their ASCII kin, formulas apart. */
export const ocrBenchFolded = ocrBenchBy('OCRBench, full-width folded', (text) => normaliseText(foldFullWidth(text)))

function ocrBenchBy(name: string, normaliseWords: (text: string) => string): Metric<OcrBenchReference> {
  return defineMetric<OcrBenchReference>({
    name,
    unit: 'points',
    score(prediction, { answer, dataset }) {
      const normalise = dataset === 'HME100k' ? normaliseFormula : normaliseWords
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
}

/** U+FF01 to U+FF5E and the ideographic space, as ASCII. */
function foldFullWidth(text: string): string {
  return text.replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0)).replaceAll('\u3000', ' ')
}

function normaliseFormula(text: string): string {
  return strip(text).replaceAll('\n', ' ').replaceAll(' ', '')
}

function normaliseText(text: string): string {
  return strip(text.toLowerCase()).replaceAll('\n', ' ')
}
