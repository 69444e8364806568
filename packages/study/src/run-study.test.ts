/** Which cells are run, what is kept, and what is refused; and one real cell. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { codeVersion, fileStore, runCell } from './node.ts'
import { planStudy, type Cell } from './plan.ts'
import { studyReport } from './report.ts'
import type { CellResult } from './results.ts'
import { runStudy, type StudyOptions } from './run-study.ts'
import { formatStudy, summariseStudy } from './summary.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'casa-study-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const plan = planStudy(
  {
    name: 'fake <study>',
    run: {},
    factors: { fusion: { insertion: {}, casa: {} }, task: { easy: {}, hard: {} } },
    seeds: [1, 2, 3],
  },
  'study.ts',
)

/** Fake results: CASA is better on the easy task; the seed shifts everything a little. */
const resultOf = ({ key, levels, seed }: Cell, code = 'now'): CellResult => {
  const right = 4 + (levels.task === 'easy' ? 3 : 0) + (levels.fusion === 'casa' ? 2 : 0) - (seed === 2 ? 1 : 0)
  return {
    key,
    levels,
    seed,
    code,
    steps: 10,
    costs: {
      parameters: 1000,
      trained: 900,
      forwardFlops: 2e6,
      backwardFlops: 4e6,
      imageTokens: 12,
      imageTokensPerImage: 12,
      bytesPerImage: levels.fusion === 'casa' ? 640 : 1280,
      bytesPerTextToken: 64,
    },
    curve: [5, 10].map((step) => ({ step, flops: step * 1e7, loss: 3 - step / 10, accuracy: (right * step) / 100 })),
    answers: Array.from({ length: 10 }, (_, i) => ({ id: `e${i}`, task: levels.task!, correct: i < right })),
    elapsedMs: 5,
    finished: '2026-01-01T00:00:00.000Z',
  }
}

const run = (options: Partial<StudyOptions> = {}) =>
  runStudy(plan, {
    store: fileStore(join(folder, 'results.jsonl')),
    code: 'now',
    runCell: async (cell) => resultOf(cell),
    ...options,
  })

it('runs every cell once, several at a time, and goes on after an interruption', async () => {
  const started: string[] = []
  let open = 0
  let most = 0
  const stop = new AbortController()
  const runCell_ = async (cell: Cell) => {
    started.push(cell.key)
    most = Math.max(most, ++open)
    await new Promise((resolve) => setTimeout(resolve, 2))
    open--
    return resultOf(cell)
  }
  const onResult = (_: CellResult, done: number) => done === 5 && stop.abort()
  await expect(run({ runCell: runCell_, jobs: 3, signal: stop.signal, onResult })).rejects.toThrow(/abort/i)
  expect(most).toBe(3)
  const before = started.length
  await appendFile(join(folder, 'results.jsonl'), '{"key":"fusion=casa,ta')
  const results = await run({ runCell: runCell_, jobs: 2 })
  expect(results.map(({ key }) => key)).toEqual(plan.cells.map(({ key }) => key))
  expect(new Set(started).size).toBe(12)
  expect(started.length).toBe(12)
  expect(before).toBeGreaterThanOrEqual(5)
})

it('a cell that fails is told and the others go on', async () => {
  const failed: string[] = []
  const results = await run({
    runCell: async (cell) => {
      if (cell.seed === 2) throw new Error('no memory')
      return resultOf(cell)
    },
    onFailure: ({ key }, error) => failed.push(`${key}: ${error.message}`),
  })
  expect(results).toHaveLength(8)
  expect(failed).toHaveLength(4)
  expect(failed[0]).toBe('fusion=insertion,task=easy,seed=2: no memory')
})

it('results of other code are not mixed unless told so, and then it is said', async () => {
  await run({ only: ({ seed }) => seed === 1 })
  await expect(run({ code: 'later' })).rejects.toThrow(/4 results were made with other code \(now; now later\)/)
  const results = await run({ code: 'later', mixCode: true, runCell: async (cell) => resultOf(cell, 'later') })
  expect(results.filter(({ code }) => code === 'later')).toHaveLength(8)
  expect(studyReport(plan, results)).toContain('Results of different code are mixed: now, later')
})

it('the table has means, intervals and paired tests, and the page escapes', async () => {
  const results = await run()
  const { rows } = summariseStudy(plan, results)
  expect(rows.map(({ variant, setting, accuracy }) => [setting.task, variant, +accuracy.mean.toFixed(4)])).toEqual([
    ['easy', 'insertion', 0.6667],
    ['easy', 'casa', 0.8667],
    ['hard', 'insertion', 0.3667],
    ['hard', 'casa', 0.5667],
  ])
  expect(rows[1]!.test).toMatchObject({ onlyFirst: 6, onlySecond: 0, difference: { mean: expect.closeTo(0.2, 12), n: 3 } })
  expect(rows[0]!.test).toBeUndefined()
  const table = formatStudy(plan, summariseStudy(plan, results)).split('\n')
  expect(table).toHaveLength(6)
  expect(table[3]).toMatch(
    /^\| easy \| casa \| 3 \| 86\.7 % \| 72\.3 \.\. 101\.0 \| \+20\.0 \(20\.0 \.\. 20\.0\) \| < 0\.001 \| 0\.031 \|/,
  )
  const html = studyReport(plan, results)
  expect(html).toContain('fake &#60;study&#62;')
  expect(html.match(/<svg/g)).toHaveLength(10)
  expect(html).not.toMatch(/NaN|undefined|(?:src|href)="/)
})

it('a line that is no result is named', async () => {
  await writeFile(join(folder, 'results.jsonl'), `${JSON.stringify(resultOf(plan.cells[0]!))}\n{"a": 1}\n`)
  await expect(run()).rejects.toThrow(/results\.jsonl:2: this is no result of a study/)
})

it('the code version changes with a file of the study, not with its results', async () => {
  const out = join(folder, 'out')
  await writeFile(join(folder, 'study.json'), '{}')
  const before = await codeVersion(folder, out)
  expect(before).toMatch(/^[0-9a-f]{12}$/)
  expect(await codeVersion(folder, out)).toBe(before)
  await writeFile(join(folder, 'notes.md'), 'x')
  expect(await codeVersion(folder, out)).toBe(before)
  await writeFile(join(folder, 'dataset.mjs'), 'x')
  expect(await codeVersion(folder, out)).not.toBe(before)
})

it(
  'a real cell: costs, a curve and answers; a budget of operations sets the number of updates',
  { timeout: 60_000 },
  async () => {
    await writeFile(
      join(folder, 'rows.jsonl'),
      ['red', 'blue', 'green'].map((answer) => JSON.stringify({ question: `Say ${answer}.`, answer })).join('\n'),
    )
    await writeFile(join(folder, 'words.mjs'), `export default () => ['Say red. Say blue. Say green.']`)
    const data = { jsonl: './rows.jsonl' }
    const study = {
      name: 'real',
      run: {
        model: {
          config: {
            model_type: 'casa_vlm',
            text_config: {
              model_type: 'llama',
              hidden_size: 16,
              intermediate_size: 32,
              num_hidden_layers: 1,
              num_attention_heads: 2,
              num_key_value_heads: 2,
              rms_norm_eps: 1e-6,
              rope_theta: 10000,
              max_position_embeddings: 64,
              tie_word_embeddings: true,
            },
            vision_config: {
              model_type: 'casa_vit',
              patch_size: 4,
              stem_channels: [],
              hidden_size: 16,
              depth: 1,
              num_heads: 2,
              intermediate_size: 16,
              spatial_merge_size: 1,
              out_hidden_size: 16,
            },
            fusion_config: { kind: 'none' },
          },
          tokenizer: { corpus: { module: './words.mjs' }, vocabSize: 270 },
        },
        data,
        batch: { textTokens: 64, imageTokens: 0 },
        steps: 6,
        evaluate: { every: 3, data: [data], maxNewTokens: 4 },
        device: 'cpu',
      },
      factors: { budget: { steps: {}, flops: { trainingFlops: 2e7 } } },
      seeds: [5],
    }
    const file = join(folder, 'study.json')
    await writeFile(file, JSON.stringify(study))
    const [bySteps, byFlops] = planStudy(study, 'study.json').cells
    const options = (cell: Cell) => ({ studyFile: file, out: join(folder, 'cells', cell.key), code: 'now' })
    const result = await runCell(bySteps!, options(bySteps!))
    expect(result).toMatchObject({
      steps: 6,
      seed: 5,
      code: 'now',
      costs: { imageTokens: 0, bytesPerImage: 0, bytesPerTextToken: 2 * 16 * 4 },
    })
    expect(result.curve.map(({ step }) => step)).toEqual([3, 6])
    expect(result.answers.map(({ id }) => id)).toEqual(['rows.jsonl:1', 'rows.jsonl:2', 'rows.jsonl:3'])
    const perUpdate = result.curve[1]!.flops / 6
    expect((await runCell(byFlops!, options(byFlops!))).steps).toBe(Math.round(2e7 / perUpdate))
    // The run is done: again gives the same, without training.
    const again = await runCell(bySteps!, options(bySteps!))
    expect(again.answers).toEqual(result.answers)
    expect(JSON.parse(await readFile(join(folder, 'cells', bySteps!.key, 'casa-folder.json'), 'utf8'))).toMatchObject({
      kind: 'training run',
    })
  },
)
