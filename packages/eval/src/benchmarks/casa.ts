/**
 * The CASA authors' evaluation script (arXiv 2512.19535, released 2026-07). It gives DocVQA and InfoVQA ANLS*, reads AI2D's letter by
 * /^\s*([A-Z])\./ and then compares exactly, and sends MME's question as it is.
 */
import {
  anlsStar,
  caselessMatch,
  exactChoice,
  looseMatch,
  mme,
  multipleChoice,
  ocrBench,
  pope,
  relaxedAccuracy,
  stripTrailingDots,
  vqaAccuracy,
} from '../metrics/index.ts'
import { askShortly, choices, defineBenchmark, need, rightLetter, text, texts, type Protocol } from './benchmark.ts'
import type { BenchmarkRow } from './row.ts'

const maxNewTokens = 128

const document = defineBenchmark({
  ask: askShortly,
  reference: texts,
  clean: (prediction) => stripTrailingDots(prediction).trim(),
  metric: anlsStar,
  maxNewTokens,
})

const mmeAs = (ask: (row: BenchmarkRow) => string) =>
  defineBenchmark({
    ask,
    reference: (row) => ({ answer: text(row), category: need(row, 'category'), questionId: need(row, 'questionId') }),
    metric: mme,
    maxNewTokens,
  })

const ai2dBy = (metric: typeof multipleChoice) =>
  defineBenchmark({
    ask: askChoices,
    reference: rightLetter,
    clean: (prediction) => prediction.replace(/^Answer: /, ''),
    metric,
    maxNewTokens,
  })

export const casaAuthors: Protocol = {
  chartqa: defineBenchmark({
    ask: askShortly,
    reference: text,
    clean: stripTrailingDots,
    metric: relaxedAccuracy,
    maxNewTokens,
  }),
  docvqa: document,
  infovqa: document,
  textvqa: defineBenchmark({ ask: askShortly, reference: texts, metric: vqaAccuracy, maxNewTokens }),
  realworldqa: defineBenchmark({
    ask: askShortly,
    reference: text,
    clean: stripTrailingDots,
    metric: caselessMatch,
    maxNewTokens,
  }),
  gqa: defineBenchmark({ ask: askShortly, reference: text, metric: looseMatch, maxNewTokens }),
  mme: mmeAs(({ question }) => question),
  ocrbench: defineBenchmark({
    ask: ({ question }) => `${question}\nPlease directly answer the question.`,
    reference: (row) => ({ answer: texts(row), dataset: need(row, 'dataset'), questionType: need(row, 'questionType') }),
    clean: stripTrailingDots,
    metric: ocrBench,
    maxNewTokens,
  }),
  ai2d: ai2dBy(exactChoice),
  pope: defineBenchmark({ ask: askShortly, reference: text, metric: pope, maxNewTokens }),
}

/** More lenient to correct answers in another form; the default before the protocol followed the script exactly. */
export const casaLenient: Protocol = {
  ...casaAuthors,
  mme: mmeAs((row) => askShortly({ ...row, question: row.question.trim() })),
  ai2d: ai2dBy(multipleChoice),
}

function askChoices(row: BenchmarkRow): string {
  const { question } = row
  const asked = /[?.]$/.test(question.trim()) ? question : `${question}?`
  return `Question: ${asked}\nChoices:\n${choices(row)}\nAnswer with the letter.`
}
