import { encodePng } from '@casa-js/vision'
import { Command } from 'commander'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { benchmarkNames, protocolNames } from '@casa-js/eval'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { writeTinyModel } from '../fixtures/tiny-model.ts'
import { benchmarks, protocols, register } from './eval.ts'

/** An untrained model, and three questions, one about a torn picture. */
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-eval-'))
  await writeTinyModel(join(folder, 'tiny'))
  writeFileSync(join(folder, 'good.png'), await encodePng({ widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(200) }))
  writeFileSync(join(folder, 'torn.png'), 'no picture')
  const rows = ['good.png', 'torn.png', 'good.png'].map((image) =>
    JSON.stringify({ image, question: 'What does it say?', answer: 'river' }),
  )
  writeFileSync(join(folder, 'questions.jsonl'), rows.join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

/** Runs `casa eval` on cpu and returns its stdout. */
async function casaEval(...args: string[]): Promise<string> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['eval', join(folder, 'tiny'), '--device', 'cpu', '--max-tokens', '3', ...args], { from: 'user' })
  return printed.join('\n')
}

test('own questions, a baseline, results that are taken up again, and a report', async () => {
  const [results, report] = [join(folder, 'results.jsonl'), join(folder, 'report.html')]
  const args = ['--data', join(folder, 'questions.jsonl'), '--baseline', 'no-image', '--results', results, '--report', report]
  const first = JSON.parse(await casaEval(...args, '--json'))
  expect(first.rows).toMatchObject([{ task: 'questions', examples: 2, score: 0, noImage: 0 }])
  expect(first.model).toMatch(/^tiny@[0-9a-f]{12}$/)
  expect(first.skipped).toMatchObject([{ index: 1, reason: expect.stringContaining('questions.jsonl, line 2') }])
  const lines = readFileSync(results, 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  const page = readFileSync(report, 'utf8')
  expect(page.match(/data:image\/png;base64,/g)).toHaveLength(2)
  expect(page).toContain('What does it say?')

  expect(await casaEval(...args)).toMatch(/\| questions \| exact match \| +2 \| +0\.0 % \|/)
  expect(readFileSync(results, 'utf8').trimEnd().split('\n')).toEqual(lines)
})

test('a module makes a task with a metric of its own, here a stream, by --limit and --seed', async () => {
  const module = join(folder, 'films.mjs')
  writeFileSync(
    module,
    `const image = { widthPx: 16, heightPx: 16, data: new Uint8Array(768).fill(90) }
    export default ({ count, seed }) => ({
      name: 'films-' + seed,
      mode: 'stream',
      dataset: {
        name: 'films',
        length: count,
        get: async (index) => ({ id: 'f' + index, task: 'film', messages: [{ role: 'user', content: [image, image, image].map((image) => ({ type: 'image', image })) }] }),
      },
      prompt: ({ messages }) => messages,
      reference: () => 3,
      clean: (said) => said,
      metric: { name: 'frames', score: (said, frames) => Number(said.split('\\n').length === frames) },
    })`,
  )
  const args = ['--data', module, '--limit', '2', '--seed', '7', '--json']
  expect(JSON.parse(await casaEval(...args)).rows).toMatchObject([{ task: 'films-7', metric: 'frames', examples: 2, score: 1 }])
})

test('a benchmark from parquet files: two shards, merged, in the form of lmms-eval', async () => {
  const data = fileURLToPath(new URL('../../../../packages/eval/src/fixtures/benchmarks/chartqa', import.meta.url))
  const file = (name: string) => join(folder, name)
  const args = ['--task', 'chartqa', '--data', data]
  for (const part of ['1', '2']) await casaEval(...args, '--shard', `${part}/2`, '--results', file(`part-${part}.jsonl`))
  const printed = await casaEval(
    ...args,
    '--merge',
    file('part-1.jsonl'),
    file('part-2.jsonl'),
    '--results',
    file('all.jsonl'),
    '--lmms-eval',
    file('results.json'),
    '--report',
    file('chartqa.html'),
  )
  expect(printed).toMatch(/\| chartqa +\| relaxed accuracy \| +3 \|/)
  expect(readFileSync(file('all.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(3)
  const { results } = JSON.parse(readFileSync(file('results.json'), 'utf8'))
  expect(Object.keys(results.chartqa)).toContain('relaxed_human_split,none')
  expect(readFileSync(file('chartqa.html'), 'utf8')).toContain('Größter Wert?')

  expect(await casaEval(...args, '--protocol', 'lmms-eval-0.7.3')).toContain('| chartqa@lmms-eval-0.7.3')
  await expect(casaEval(...args, '--shard', '1/2')).rejects.toThrow(/--shard: give --results/)
  await expect(casaEval(...args, '--shard', '3/2', '--results', file('x.jsonl'))).rejects.toThrow(/expected i\/n/)
  await expect(casaEval('--task', 'chartqa', 'word', '--data', data)).rejects.toThrow(
    /benchmarks and other tasks \(word\) do not mix/,
  )
  await expect(casaEval(...args, '--lmms-eval', join(data, 'data/test-00000-of-00001.parquet'))).rejects.toThrow(/parquet/)
})

test('benchmarks and protocols are those of the package', () => {
  expect(benchmarks).toEqual(benchmarkNames)
  expect(protocols).toEqual(protocolNames)
})

test('what cannot be asked is named', async () => {
  await expect(casaEval('--data', join(folder, 'questions.jsonl'), '--task', 'words')).rejects.toThrow(
    /--task words: .* there are questions/,
  )
  await expect(casaEval('--limit', '0')).rejects.toThrow(/--limit <n>.*Expected a whole number, 1 or more/)
  await expect(casaEval('--baseline', 'blind')).rejects.toThrow(/Allowed choices are no-image/)
})
