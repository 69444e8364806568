/**
 * lmms-eval 0.7.3 (lmms_eval/tasks), default prompts. It folds full-width signs in OCRBench, extracts a letter A to D from answers to
 * RealWorldQA, compares GQA and AI2D without trimming, and gives as POPE's yes ratio that of the right answers.
 */
import {
  anls,
  multipleChoiceUntrimmed,
  looseMatchUntrimmed,
  mme,
  ocrBenchFolded,
  popeOfTruth,
  realWorldQa,
  relaxedAccuracy,
  vqaAccuracy,
} from '../metrics/index.ts'
import { askShortly, choices, defineBenchmark, need, rightLetter, text, texts, type Protocol } from './benchmark.ts'

const document = defineBenchmark({ ask: askShortly, reference: texts, metric: anls, maxNewTokens: 32 })

export const lmmsEval: Protocol = {
  chartqa: defineBenchmark({
    ask: ({ question }) => `${question}\nAnswer the question with a single word.`,
    reference: text,
    metric: relaxedAccuracy,
    maxNewTokens: 16,
  }),
  docvqa: document,
  infovqa: document,
  textvqa: defineBenchmark({
    ask: (row) => askShortly({ ...row, question: capitalise(row.question) }),
    reference: texts,
    metric: vqaAccuracy,
    maxNewTokens: 128,
  }),
  realworldqa: defineBenchmark({
    ask: ({ question }) => question.trim(),
    reference: text,
    metric: realWorldQa,
    maxNewTokens: 16,
  }),
  gqa: defineBenchmark({ ask: askShortly, reference: text, metric: looseMatchUntrimmed, maxNewTokens: 16 }),
  mme: defineBenchmark({
    ask: (row) => askShortly({ ...row, question: row.question.trim().replaceAll(' Please answer yes or no.', '') }),
    reference: (row) => ({ answer: text(row), category: need(row, 'category'), questionId: need(row, 'questionId') }),
    metric: mme,
    maxNewTokens: 16,
  }),
  ocrbench: defineBenchmark({
    ask: ({ question }) => question.trim(),
    reference: (row) => ({ answer: texts(row), dataset: need(row, 'dataset'), questionType: need(row, 'questionType') }),
    metric: ocrBenchFolded,
    maxNewTokens: 128,
  }),
  ai2d: defineBenchmark({
    ask: (row) => `${row.question}\n${choices(row)}\nAnswer with the option's letter from the given choices directly.`,
    reference: rightLetter,
    metric: multipleChoiceUntrimmed,
    maxNewTokens: 16,
  }),
  pope: defineBenchmark({
    ask: (row) => askShortly({ ...row, question: row.question.trim() }),
    reference: text,
    metric: popeOfTruth,
    maxNewTokens: 128,
  }),
}

/** str.capitalize(): the first letter in upper case, all others in lower. */
function capitalise(question: string): string {
  const [first = '', ...rest] = question
  return first.toUpperCase() + rest.join('').toLowerCase()
}
