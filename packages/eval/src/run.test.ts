import type { Dataset, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from '@casa-js/data'
import type * as core from '@casa-js/core'
import type * as tokenizers from '@casa-js/tokenizers'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, expectTypeOf, test } from 'vitest'
import {
  type AnswerModel,
  type BenchmarkRow,
  benchmarkTask,
  defineTask,
  type EvalProgress,
  type EvalRecord,
  evalReport,
  exactMatch,
  formatSummary,
  memoryResults,
  picturesOf,
  runEval,
  type Task,
  wilson,
} from './index.ts'
import { fileResults } from './node.ts'

const folder = mkdtempSync(join(tmpdir(), 'casa-eval-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A picture that holds a number: its width. */
const picture = (widthPx: number): RgbImage => ({ widthPx, heightPx: 1, data: new Uint8Array(widthPx * 3) })

/** "How wide?" about pictures 1 px, 2 px, ..; every third example belongs to the group "thirds". */
const widths = (length: number): Dataset => ({
  name: 'widths',
  length,
  get: async (index) => ({
    id: `w${index}`,
    task: index % 3 === 2 ? 'thirds' : 'others',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', image: picture(index + 1) },
          { type: 'text', text: 'How <wide>?' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: String(index + 1) }] },
    ],
  }),
})

/** Sees widths up to 4; without a picture it says 1. */
const model = (asked: Message[][] = []): AnswerModel => ({
  name: 'ruler',
  async answer(messages) {
    asked.push(messages)
    const [seen] = picturesOf(messages)
    return seen ? String(Math.min(4, seen.widthPx)) : '1'
  },
})

const task = (length = 6): Task => defineTask({ name: 'width', dataset: widths(length), metric: exactMatch, maxNewTokens: 5 })

test("tokenizers speaks core's contracts", () => {
  expectTypeOf<tokenizers.Message>().toEqualTypeOf<core.Message>()
  expectTypeOf<tokenizers.EncodedSample>().toEqualTypeOf<core.EncodedSample>()
  expectTypeOf<tokenizers.Tokenizer>().toEqualTypeOf<core.Tokenizer>()
})

test('scores, groups, baseline and progress', async () => {
  const asked: Message[][] = []
  const seen: EvalProgress[] = []
  const { summary, records } = await runEval(model(asked), [task()], {
    baseline: 'no-image',
    onProgress: (progress) => void seen.push(progress),
  })
  expect(summary.rows.map(({ task, group, examples, score, noImage }) => ({ task, group, examples, score, noImage }))).toEqual([
    { task: 'width', group: undefined, examples: 6, score: 4 / 6, noImage: 1 / 6 },
    { task: 'width', group: 'others', examples: 4, score: 3 / 4, noImage: 1 / 4 },
    { task: 'width', group: 'thirds', examples: 2, score: 1 / 2, noImage: 0 },
  ])
  expect(records[0]).toMatchObject({
    model: 'ruler',
    id: 'w0',
    pictures: 'shown',
    question: 'How <wide>?',
    reference: '1',
    prediction: '1',
    score: 1,
  })
  expect(asked.every((messages) => messages.length === 1 && messages[0]!.role === 'user')).toBe(true)
  expect(asked.filter((messages) => picturesOf(messages).length === 0)).toHaveLength(6)
  expect(seen.map(({ done, total }) => [done, total])).toEqual(Array.from({ length: 12 }, (_, i) => [i + 1, 12]))
  expect(formatSummary(summary).split('\n')).toHaveLength(5)
  expect(formatSummary(summary)).toContain('| width: others | exact match |        4 | 75.0 % |')
})

test('the most frequent answer is a baseline of every task and group', async () => {
  const answers = ['a', 'b', 'b', 'c', 'b', 'a']
  const dataset: Dataset = {
    name: 'letters',
    length: answers.length,
    get: async (index) => ({
      id: `l${index}`,
      task: index < 3 ? 'early' : 'late',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Which letter?' }] },
        { role: 'assistant', content: [{ type: 'text', text: answers[index]! }] },
      ],
    }),
  }
  const { summary } = await runEval({ name: 'm', answer: async () => 'c' }, [
    defineTask({ name: 'letters', dataset, metric: exactMatch }),
  ])
  expect(summary.rows.map(({ group, mostFrequent }) => [group, mostFrequent])).toEqual([
    [undefined, { answer: 'b', score: 3 / 6 }],
    ['early', { answer: 'b', score: 2 / 3 }],
    ['late', { answer: 'c', score: 1 / 3 }],
  ])
  expect(formatSummary(summary)).toMatch(/most frequent \|\n/)
})

/** Films of three frames, 1 to 3 px wide; their width is to be said, but not that of the second. */
const films = (length: number): Dataset => ({
  name: 'films',
  length,
  get: async (index) => ({
    id: `f${index}`,
    task: 'film',
    messages: [{ role: 'user', content: [1, 2, 3].map((width) => ({ type: 'image', image: picture(width) })) }],
  }),
})

test('a stream: every frame has a line, the baseline is grey frames, and a metric has an interval and a table of its own', async () => {
  const said = (prediction: string, reference: string[]) =>
    reference.filter((right, frame) => prediction.split('\n')[frame] === right).length / reference.length
  const task = defineTask<string[]>({
    name: 'film',
    mode: 'stream',
    dataset: films(2),
    prompt: ({ messages }) => messages,
    reference: () => ['1', '', '3'],
    metric: {
      name: 'frames',
      score: said,
      summarise: (answers) => ({ numbers: {}, interval: [0.1, 0.9], table: `| ${answers.length} films |` }),
    },
  }) as Task
  const grey: number[] = []
  const watcher: AnswerModel = {
    ...model(),
    watch: async (frames) =>
      frames.map(({ widthPx, data }) => {
        if (data[0] === 128) grey.push(widthPx)
        return data[0] === 128 || widthPx === 2 ? '' : String(widthPx)
      }),
  }
  const result = await runEval(watcher, [task], { baseline: 'no-image' })
  expect(result.records.map(({ prediction, score }) => [prediction, score])).toEqual([
    ['1\n\n3', 1],
    ['\n\n', 1 / 3],
    ['1\n\n3', 1],
    ['\n\n', 1 / 3],
  ])
  expect(grey).toEqual([1, 2, 3, 1, 2, 3])
  expect(result.summary.rows).toMatchObject([{ score: 1, interval: [0.1, 0.9], noImage: 1 / 3, table: '| 2 films |' }])
  expect(result.summary.rows[0]).not.toHaveProperty('mostFrequent')
  expect(formatSummary(result.summary)).toMatch(/\| film \| frames \| .*\n\nfilm:\n\n\| 2 films \|$/)
  const html = await evalReport(result, [task], { title: 'Films', encodePng: async ({ widthPx }) => Uint8Array.of(widthPx) })
  expect(html).toContain('<pre>| 2 films |</pre>')
  expect(html.match(/<td>3<\/td><td class="muted">3<\/td>/g)).toHaveLength(2)
  await expect(runEval(model(), [task])).rejects.toThrow(/task film is a stream, and ruler cannot watch one/)
})

test('an interrupted evaluation goes on where it stopped, whatever the interruption cut short', async () => {
  const path = join(folder, 'results.jsonl')
  const stop = new AbortController()
  const first = runEval(model(), [task()], {
    results: fileResults(path),
    signal: stop.signal,
    onProgress: ({ done }) => done === 3 && stop.abort(),
  })
  await expect(first).rejects.toThrow(/abort/i)
  appendFileSync(path, '{"model":"ruler","task":"wid')
  const asked: Message[][] = []
  const { records } = await runEval(model(asked), [task()], { results: fileResults(path) })
  expect(asked).toHaveLength(3)
  expect(records.map(({ index, score }) => [index, score])).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 0],
    [5, 0],
  ])
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(6)

  const other = await runEval({ ...model(), name: 'another' }, [task()], { results: fileResults(path), limit: 2 })
  expect(other.records.map((record) => record.model)).toEqual(['another', 'another'])
  appendFileSync(path, 'no record\n')
  await expect(fileResults(path).read()).rejects.toThrow(/results\.jsonl:9: /)
})

test('a file that holds anything but results is refused and left as it is', async () => {
  const photo = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1, 2])
  const record = { model: 'm', task: 't', dataset: 'd', index: 0, score: 1 }
  const files: [string, string | Uint8Array, RegExp][] = [
    ['note.txt', 'buy milk', /note\.txt:1: this is no record of an evaluation, and nothing was changed/],
    ['photo.png', photo, /photo\.png:1: /],
    ['rows.jsonl', `${JSON.stringify(record)}\n{"question": "what`, /rows\.jsonl:2: /],
    ['other.jsonl', '{"model": 3}\n', /other\.jsonl:1: /],
  ]
  for (const [name, content, message] of files) {
    const path = join(folder, name)
    writeFileSync(path, content)
    await expect(fileResults(path).read()).rejects.toThrow(message)
    await expect(fileResults(path).append(record as EvalRecord)).rejects.toThrow(message)
    expect(readFileSync(path).equals(Buffer.from(content))).toBe(true)
  }
  await expect(fileResults(folder).read()).rejects.toThrow(/this is no file/)
  // Cut short anywhere within its first record, a results file is still one.
  for (const cut of [0, 1, 5, 30]) {
    const path = join(folder, `cut-${cut}.jsonl`)
    writeFileSync(path, JSON.stringify(record).slice(0, cut))
    expect(await fileResults(path).read()).toEqual([])
  }
})

test('broken examples are left out by name; other errors and impossible requests end the evaluation', async () => {
  const broken = {
    ...widths(3),
    get: async (index: number) => {
      if (index === 1) throw new BrokenExampleError('rows.jsonl:2: torn')
      return widths(3).get(index)
    },
  }
  const { skipped, records, summary } = await runEval(model(), [defineTask({ name: 'w', dataset: broken, metric: exactMatch })], {
    baseline: 'no-image',
  })
  expect(skipped).toEqual([{ task: 'w', index: 1, reason: 'rows.jsonl:2: torn' }])
  expect(records.map(({ index }) => index)).toEqual([0, 0, 2, 2])
  expect(summary.rows[0]!.examples).toBe(2)
  await expect(runEval(model(), [task(Infinity)])).rejects.toThrow(/task width: how many examples\?/)
  await expect(runEval(model(), [task(), task()])).rejects.toThrow(/same name/)
  await expect(
    runEval(
      {
        name: 'm',
        answer: async () => {
          throw new Error('device lost')
        },
      },
      [task()],
    ),
  ).rejects.toThrow('device lost')
  const unanswered = {
    ...widths(1),
    get: async () => ({ id: 'x', task: 't', messages: [{ role: 'user' as const, content: [] }] }),
  }
  await expect(runEval(model(), [defineTask({ name: 't', dataset: unanswered, metric: exactMatch })])).rejects.toThrow(
    /example x: expected the right answer/,
  )
})

test('the report stands alone and escapes what it shows', async () => {
  const tasks = [task()]
  const result = await runEval({ ...model(), answer: async () => '<script>4</script>' }, tasks, {
    baseline: 'no-image',
    results: memoryResults(),
  })
  const html = await evalReport(result, tasks, {
    title: 'Ruler & co',
    shown: 2,
    encodePng: async (image) => Uint8Array.of(image.widthPx),
    facts: { device: 'cpu' },
  })
  expect(html).toContain('Ruler &#38; co')
  expect(html).not.toContain('<script')
  expect(html.match(/<article/g)).toHaveLength(4)
  expect(html).toContain(`data:image/png;base64,${btoa('\x03')}`)
  expect(html).toContain('without the picture: &#60;script')
  expect(html).not.toMatch(/(?:src|href)="(?!data:)/)
})

test('the report shows wrong answers before right ones', async () => {
  const tasks = [task()]
  // Right up to a width of 4; widths 5 and 6 are answered wrong.
  const html = await evalReport(await runEval(model(), tasks), tasks, {
    title: 'Ruler',
    shown: 1,
    encodePng: async (image) => Uint8Array.of(image.widthPx),
  })
  expect([...html.matchAll(/<article class="(\w+)" title="(\w+)"/g)].map((match) => match.slice(1))).toEqual([
    ['wrong', 'w4'],
    ['wrong', 'w5'],
  ])
})

test('the CASA protocol: prompts, cleaning and metrics', async () => {
  const rowsOf = (...rows: Partial<BenchmarkRow>[]) => ({
    name: 'rows',
    length: rows.length,
    get: async (index: number) => ({ id: `r${index}`, images: [picture(1)], question: 'What?', answer: '5', ...rows[index] }),
  })
  const ask = async (task: Task, answers: string[]) => {
    const prompts: string[] = []
    const say: AnswerModel = {
      name: 'm',
      answer: async (messages) => {
        prompts.push(messages[0]!.content.map((part) => (part.type === 'text' ? part.text : '[image]')).join(''))
        return answers[prompts.length - 1]!
      },
    }
    const { summary } = await runEval(say, [task])
    return { prompts, score: summary.rows[0]!.score }
  }
  const short = '\nAnswer the question using a single word or phrase.'
  expect(await ask(benchmarkTask('chartqa', rowsOf({})), ['5.2.'])).toEqual({ prompts: [`[image]What?${short}`], score: 1 })
  expect(await ask(benchmarkTask('docvqa', rowsOf({ answer: ['world', 'hello'] })), ['helo.'])).toMatchObject({ score: 0.8 })
  expect(await ask(benchmarkTask('textvqa', rowsOf({ answer: Array(10).fill('two') })), ['2'])).toMatchObject({ score: 1 })
  expect(await ask(benchmarkTask('realworldqa', rowsOf({ answer: 'A' })), ['a.'])).toMatchObject({ score: 1 })
  expect(await ask(benchmarkTask('gqa', rowsOf({ answer: 'the cat' })), ['The cat.'])).toMatchObject({ score: 1 })
  const ocr = await ask(
    benchmarkTask('ocrbench', rowsOf({ dataset: 'IIIT5K', questionType: 'Regular Text Recognition', answer: ['STOP'] })),
    ['a Stop sign.'],
  )
  expect(ocr).toEqual({ prompts: ['[image]What?\nPlease directly answer the question.'], score: 1 })
  const pair = [
    { answer: 'Yes', category: 'count', questionId: 'a' },
    { answer: 'No', category: 'count', questionId: 'a' },
  ]
  expect(
    await ask(benchmarkTask('mme', rowsOf(...pair.map((row) => ({ ...row, question: 'Is it? Please answer yes or no. ' })))), [
      'yes',
      'No.',
    ]),
  ).toEqual({
    prompts: Array(2).fill('[image]Is it? Please answer yes or no. '),
    score: 200,
  })
  const choice = await ask(benchmarkTask('ai2d', rowsOf({ question: 'Which', options: ['a cat', 'a dog'], answer: 1 })), [
    'Answer: B. a dog',
  ])
  expect(choice).toEqual({
    prompts: ['[image]Question: Which?\nChoices:\nA. a cat\nB. a dog\nAnswer with the letter.'],
    score: 1,
  })
  await expect(ask(benchmarkTask('ai2d', rowsOf({ answer: 3, options: ['a'] })), [''])).rejects.toThrow(
    /row r0: answer: expected the index of one of 1 options, got 3/,
  )
  await expect(ask(benchmarkTask('mme', rowsOf({})), [''])).rejects.toThrow(/row r0: category is missing/)
})

test("Wilson's interval", () => {
  // Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662.
  const [low, high] = wilson(81 / 263, 263)
  expect([low.toFixed(4), high.toFixed(4)]).toEqual(['0.2553', '0.3662'])
  expect(wilson(0, 10)[0]).toBe(0)
})
