/** Benchmarks out of parquet files that pyarrow wrote in the published columns (docs/goldens/make_parquet.py). */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openParquet } from '@casa-js/data'
import { fileSource } from '@casa-js/weights'
import { decodeImage } from '@casa-js/vision'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  benchmarkNames,
  benchmarkTask,
  lmmsEvalResult,
  memoryResults,
  mergeResults,
  picturesOf,
  protocolNames,
  protocolSystem,
  runEval,
  shardOf,
  type BenchmarkName,
  type ProtocolName,
} from '../index.ts'
import { openBenchmark } from '../node.ts'

const fixtures = fileURLToPath(new URL('../fixtures/benchmarks', import.meta.url))
const folderOf = (name: BenchmarkName) => join(fixtures, name === 'infovqa' ? 'docvqa' : name)
const decode = (bytes: Uint8Array) => decodeImage(bytes)
const open = (name: BenchmarkName, data: string[] = [folderOf(name)]) => openBenchmark(name, { data, decode })

const rows: Record<BenchmarkName, number> = {
  chartqa: 3,
  docvqa: 3,
  infovqa: 3,
  ocrbench: 2,
  textvqa: 4,
  realworldqa: 2,
  ai2d: 2,
  gqa: 2,
  mme: 4,
  pope: 2,
}

test.each(benchmarkNames)('%s is read, and a model that knows the answers is right under every protocol', async (name) => {
  const benchmark = await open(name)
  expect(benchmark.length).toBe(rows[name])
  for (const protocol of protocolNames) {
    const task = benchmarkTask(name, benchmark, protocol)
    const answers: string[] = []
    for (let index = 0; index < benchmark.length; index++) {
      const row = await benchmark.get(index)
      const answer = Array.isArray(row.answer) ? row.answer[0] : row.answer
      answers.push(name === 'ai2d' ? 'ABCD'[Number(answer)]! : String(answer))
    }
    const { summary } = await runEval({ name: 'knows', answer: async () => answers.shift()! }, [task])
    const [whole] = summary.rows
    const full = { ocrbench: 2, mme: 400 }[name as string] ?? 1
    expect([protocol, whole!.score]).toEqual([protocol, full])
  }
  await benchmark.close()
})

test('rows keep what the metric needs, and their pictures', async () => {
  const textvqa = await open('textvqa')
  const third = await textvqa.get(2)
  expect(third).toMatchObject({
    id: '34604',
    question: 'what is the brand?',
    answer: [...Array(8).fill('nokia'), 'Nokia', 'toshiba'],
  })
  expect(third.images[0]).toMatchObject({ widthPx: 3, heightPx: 2 })
  // The first picture's table lists them in another order than the questions.
  const gqa = await open('gqa')
  expect((await gqa.get(0)).images[0]!.widthPx).toBe(8)
  expect((await gqa.get(1)).images[0]!.widthPx).toBe(7)
  // The validation split has answers, the test split beside it has none.
  expect((await (await open('docvqa')).get(1)).answer).toEqual(['P. Carter'])
  expect((await (await open('infovqa')).get(0)).question).toBe('A?')
})

test('prompts are those of the protocol', async () => {
  const promptOf = async (name: BenchmarkName, protocol: (typeof protocolNames)[number], index = 0) => {
    const task = benchmarkTask(name, await open(name), protocol)
    const messages = task.prompt(await task.dataset.get(index))
    expect(picturesOf(messages)).toHaveLength(1)
    return messages[0]!.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
  }
  const short = '\nAnswer the question using a single word or phrase.'
  const mme = 'Is there a person in this image? Please answer yes or no.'
  expect(await promptOf('mme', 'casa-authors')).toBe(mme)
  expect(await promptOf('mme', 'casa-lenient')).toBe(mme + short)
  expect(await promptOf('mme', 'lmms-eval-0.7.3')).toBe('Is there a person in this image?' + short)
  expect(await promptOf('chartqa', 'lmms-eval-0.7.3')).toBe('How much?\nAnswer the question with a single word.')
  expect(await promptOf('textvqa', 'lmms-eval-0.7.3', 1)).toBe('What does it say?' + short)
  expect(await promptOf('ocrbench', 'lmms-eval-0.7.3')).toBe('what is written in the image?')
  expect(await promptOf('ai2d', 'casa-authors')).toBe(
    'Question: which of these defines the moon?\nChoices:\nA. a star\nB. a satellite\nC. a planet\nD. a comet\nAnswer with the letter.',
  )
  expect(await promptOf('ai2d', 'lmms-eval-0.7.3', 1)).toBe(
    "What is at C?\nA. leaf\nB. root\nAnswer with the option's letter from the given choices directly.",
  )
})

test("the authors' AI2D takes the letter alone, the lenient one its kin", async () => {
  const ai2d = await open('ai2d')
  const score = async (said: string, protocol: 'casa-authors' | 'casa-lenient') =>
    (await runEval({ name: said, answer: async () => said }, [benchmarkTask('ai2d', ai2d, protocol)], { limit: 1 })).summary
      .rows[0]!.score
  for (const said of ['b', 'B)', '(B)', 'b.', 'B ']) {
    expect([said, await score(said, 'casa-authors'), await score(said, 'casa-lenient')]).toEqual([said, 0, 1])
  }
  for (const said of ['B', 'B. a satellite', 'Answer: B']) expect(await score(said, 'casa-authors')).toBe(1)
})

test('shards are disjoint, merge into the whole, and results read as lmms-eval writes them', async () => {
  const tasks = [benchmarkTask('mme', await open('mme')), benchmarkTask('chartqa', await open('chartqa'))]
  const model = { name: 'm', answer: async () => 'Yes' }
  const parts = [memoryResults(), memoryResults(), memoryResults()]
  for (const [i, results] of parts.entries()) {
    const shard = shardOf(`${i + 1}/3`)
    // MME counts pairs: of a part of them only the mean is known.
    await runEval(model, tasks, { results, shard })
  }
  expect(await Promise.all(parts.map(async (part) => (await part.read()).length))).toEqual([3, 2, 2])
  const results = memoryResults()
  expect(await mergeResults(results, parts)).toBe(7)
  expect(await mergeResults(results, parts)).toBe(0)
  const merged = await runEval({ ...model, answer: () => Promise.reject(new Error('nothing is asked again')) }, tasks, {
    results,
  })
  const json = lmmsEvalResult(merged, 1e9) as { results: Record<string, Record<string, number>>; 'n-samples': unknown }
  // Of two questions about each image one is right: 50 % of answers, no pair.
  expect(json.results.mme).toMatchObject({ alias: 'mme', 'mme_perception_score,none': 50, 'mme_cognition_score,none': 50 })
  expect(json.results.chartqa).toEqual({
    alias: 'chartqa',
    'relaxed_overall,none': 0,
    'relaxed_overall_stderr,none': 0,
    'relaxed_human_split,none': 0,
    'relaxed_augmented_split,none': 0,
  })
  expect(json['n-samples']).toMatchObject({ mme: { original: 4, effective: 4 } })
  for (const wrong of ['0/3', '4/3', '1', 'a/b', '1/0']) expect(() => shardOf(wrong)).toThrow(/expected i\/n/)
})

test('only the row group that is asked for is read', async () => {
  const source = await fileSource(join(fixtures, 'chartqa/data/test-00000-of-00001.parquet'))
  let reads = 0
  const counting = {
    ...source,
    size: source.size,
    name: source.name,
    close: () => source.close(),
    read: (begin: number, end: number) => (reads++, source.read(begin, end)),
  }
  const table = await openParquet([counting], { columns: ['question', 'image'] })
  expect([table.length, table.columns]).toEqual([3, ['question', 'image']])
  const opened = reads
  expect((await table.row(0)).question).toBe('How much?')
  const first = reads
  expect((await table.row(1)).question).toBe('Which year?')
  expect(reads).toBe(first)
  expect((await table.row(2)).question).toBe('Größter Wert?')
  expect(reads).toBeGreaterThan(first)
  expect(first).toBeGreaterThan(opened)
  await expect(table.row(3)).rejects.toThrow(/row 3 is outside the table's 3 rows/)
  await table.close()
})

let folder: string
let server: Server
let url: string
let asked: string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'casa-benchmarks-'))
  asked = []
  // A hub: a listing in two pages, and files by range.
  server = createServer((request, response) => {
    asked.push(request.url!)
    const { pathname, searchParams } = new URL(request.url!, 'http://hub')
    if (pathname === '/api/datasets/lmms-lab/GQA/tree/main') {
      const second = searchParams.has('cursor')
      const path = second
        ? 'testdev_balanced_images/testdev-00000-of-00001.parquet'
        : 'testdev_balanced_instructions/testdev-00000-of-00001.parquet'
      const link = second ? {} : { link: `<${url}/api/datasets/lmms-lab/GQA/tree/main?recursive=true&cursor=2>; rel="next"` }
      response.writeHead(200, { 'content-type': 'application/json', ...link }).end(
        JSON.stringify([
          { type: 'file', path },
          { type: 'file', path: 'README.md' },
        ]),
      )
      return
    }
    const prefix = '/datasets/lmms-lab/GQA/resolve/main/'
    if (!pathname.startsWith(prefix)) return void response.writeHead(404).end()
    const bytes = readFileSync(join(fixtures, 'gqa', pathname.slice(prefix.length)))
    const [, begin, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? ['', '0', String(bytes.length - 1)]
    const last = Math.min(Number(end), bytes.length - 1)
    response
      .writeHead(206, {
        'content-range': `bytes ${begin}-${last}/${bytes.length}`,
        etag: '"v1"',
        'content-length': last - Number(begin) + 1,
      })
      .end(bytes.subarray(Number(begin), last + 1))
  })
  server.listen(0)
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a benchmark comes from the hub: its files are listed page by page and read by ranges', async () => {
  const gqa = await openBenchmark('gqa', { hubUrl: url, decode })
  expect((await gqa.get(1)).question).toBe('Who wears the dress?')
  expect((await gqa.get(0)).images[0]!.widthPx).toBe(8)
  expect(asked.filter((path) => path.includes('/tree/'))).toHaveLength(2)
  await expect(openBenchmark('mme', { data: ['hub:nobody/nothing'], hubUrl: url, decode })).rejects.toThrow(
    /hub:nobody\/nothing: the hub answers 404/,
  )
})

test('what is no benchmark is named', async () => {
  await expect(open('chartqa', [join(folder, 'absent')])).rejects.toThrow(/absent: cannot be read/)
  await expect(open('chartqa', [folder])).rejects.toThrow(/there is no parquet file/)
  writeFileSync(join(folder, 'note.parquet'), 'not parquet')
  await expect(open('chartqa', [join(folder, 'note.parquet')])).rejects.toThrow(/note\.parquet: this is no parquet file/)
  await expect(open('chartqa', [join(fixtures, 'mme')])).rejects.toThrow(/there is no column "type"; there are question_id, /)
  cpSync(join(fixtures, 'gqa/testdev_balanced_instructions'), join(folder, 'gqa/testdev_balanced_instructions'), {
    recursive: true,
  })
  await expect(open('gqa', [join(folder, 'gqa')])).rejects.toThrow(/testdev_balanced_images: its parquet files hold the pictures/)
  const unanswered = await open('docvqa', [join(fixtures, 'docvqa/DocVQA/test-00000-of-00001.parquet')])
  await expect(unanswered.get(0)).rejects.toThrow(/row 0: answers: expected texts, got nothing: a split without answers/)
})

test("the CASA authors' protocol shows pictures at 896 px at most, the other one as they are", async () => {
  const image = { widthPx: 1792, heightPx: 100, data: new Uint8Array(1792 * 100 * 3).fill(9) }
  const small = { widthPx: 20, heightPx: 10, data: new Uint8Array(600) }
  const row = { id: '1', images: [image, small], question: 'Q?', answer: 'a' }
  const rows = { name: 'chartqa', length: 1, get: async () => row }
  const shown = async (protocol: ProtocolName) => {
    const task = benchmarkTask('chartqa', rows, protocol)
    return picturesOf(task.prompt(await task.dataset.get(0))).map(({ widthPx, heightPx }) => [widthPx, heightPx])
  }
  expect(await shown('casa-authors')).toEqual([
    [896, 50],
    [20, 10],
  ])
  expect(await shown('lmms-eval-0.7.3')).toEqual([
    [1792, 100],
    [20, 10],
  ])
})

test("gives Qwen's models their system prompt, by the authors' protocol alone", () => {
  expect(protocolSystem('casa-authors', 'qwen2_5_vl')).toBe('You are a helpful assistant.')
  expect(protocolSystem('casa-authors', 'llama')).toBeUndefined()
  expect(protocolSystem('lmms-eval-0.7.3', 'qwen2')).toBeUndefined()
})
