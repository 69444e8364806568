import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Dataset, RgbImage } from '@casa-js/core'
import { createBatchStream, type BatchOptions } from '../batches.ts'
import { openShards } from './open-shards.node.ts'
import type { TarSample } from './tar.ts'
import { indexShards, jsonlSamples, writeShards } from './write-shards.node.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-shards-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A picture of one pixel, whose file is its three bytes; a file that begins with 255 is corrupt. */
async function decode(bytes: Uint8Array): Promise<RgbImage> {
  if (bytes[0] === 255) throw new Error('corrupt picture')
  return { widthPx: 1, heightPx: 1, data: new Uint8Array(bytes) }
}

const pixel = (index: number): Uint8Array => Uint8Array.of(index % 250, (index * 7) % 251, 3)

async function* samples(count: number): AsyncGenerator<TarSample> {
  for (let index = 0; index < count; index++) {
    const row = { id: `n-${index}`, question: `What is ${'so '.repeat(index % 4)}seen?`, answer: String(index) }
    yield {
      key: String(index).padStart(9, '0'),
      files: new Map([
        ['json', Buffer.from(JSON.stringify(row))],
        ['png', pixel(index)],
      ]),
    }
  }
}

const write = (count: number, maxExamples: number, out = join(folder, 'shards')) =>
  writeShards(samples(count), { out, maxExamples })

/** Words are tokens. */
const batching: BatchOptions = {
  encode: (messages) => {
    const words = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'text' ? part.text.split(' ') : [])))
    const pictures = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image] : [])))
    return {
      ids: Int32Array.from(words, ({ length }) => length),
      answer: new Uint8Array(words.length).fill(1),
      images: pictures.map((image) => ({ before: 0, image })),
    }
  },
  model: {
    process: ({ data }) => ({ values: Float32Array.from(data), grid: { rows: 1, columns: 1 }, valuesPerPatch: 3 }),
    vision: { tokens: () => 1, outputGrid: (grid) => grid },
  },
  maxTextTokens: 14,
  maxImageTokens: 4,
  seed: 3,
  prefetch: 5,
}

async function idsOf(dataset: Dataset): Promise<string[]> {
  return Promise.all(Array.from({ length: dataset.length }, async (_, index) => (await dataset.get(index)).id))
}

describe('tar shards', () => {
  it('give back every sample, in order, with its picture', async () => {
    const listed = await write(25, 10)
    expect(listed.map(({ file, examples }) => [file, examples])).toEqual([
      ['shard-000000.tar', 10],
      ['shard-000001.tar', 10],
      ['shard-000002.tar', 5],
    ])
    const dataset = await openShards({ shards: join(folder, 'shards'), decode })
    expect(dataset.length).toBe(25)
    expect(await idsOf(dataset)).toEqual(Array.from({ length: 25 }, (_, i) => `n-${i}`))
    const { messages } = await dataset.get(17)
    expect(messages[0]!.content).toEqual([
      { type: 'image', image: { widthPx: 1, heightPx: 1, data: pixel(17) } },
      { type: 'text', text: 'What is so seen?' },
    ])
    expect(messages[1]!.content).toEqual([{ type: 'text', text: '17' }])
  })

  it('close before they would exceed a number of bytes', async () => {
    const out = join(folder, 'shards')
    const listed = await writeShards(samples(20), { out, maxBytes: 10_000 })
    expect(listed.length).toBeGreaterThan(3)
    for (const { file, bytes } of listed) {
      expect(bytes).toBeLessThanOrEqual(10_000)
      expect((await stat(join(out, file))).size).toBe(bytes)
    }
  })

  it('are the same bytes whenever they are written', async () => {
    await write(12, 10, join(folder, 'a'))
    await write(12, 10, join(folder, 'b'))
    for (const name of await readdir(join(folder, 'a')))
      if (name !== 'casa-folder.json')
        expect(await readFile(join(folder, 'a', name))).toEqual(await readFile(join(folder, 'b', name)))
  })

  it('go on from a position in the middle of a shard with the very same examples, for every part of the work', async () => {
    await write(60, 7)
    const places = fc.record({
      buffer: fc.integer({ min: 1, max: 80 }),
      parts: fc.integer({ min: 1, max: 5 }),
      part: fc.nat(),
      seed: fc.nat(),
      before: fc.nat(25),
    })
    await fc.assert(
      fc.asyncProperty(places, async ({ buffer, parts, part, seed, before }) => {
        const open = async () => {
          const whole = await openShards({ shards: join(folder, 'shards'), buffer, decode })
          return createBatchStream(whole.part(part % parts, parts), { ...batching, seed })
        }
        const stream = await open()
        for (let i = 0; i < before; i++) await stream.next(i)
        const position = stream.position()
        const resumed = await open()
        resumed.seek(position)
        for (let i = 0; i < 6; i++) expect(await resumed.next(i)).toEqual(await stream.next(i))
      }),
      { numRuns: 25 },
    )
  })

  it('are dealt whole: every example of an epoch comes once, in one of the parts', async () => {
    await write(60, 7)
    const whole = await openShards({ shards: join(folder, 'shards'), buffer: 10, decode })
    const seen: string[] = []
    for (const part of [0, 1, 2]) {
      const own = whole.part(part, 3)
      const order = own.order(5, 2)
      for (let at = 0; at < own.length; at++) seen.push((await own.get(order(at))).id)
    }
    expect(seen.length).toBe(60)
    expect(new Set(seen).size).toBe(60)
    expect(seen).not.toEqual(await idsOf(whole))
    expect(() => whole.part(0, 61)).toThrow(/60 examples cannot be dealt to 61/)
  })
})

describe('a corrupt shard', () => {
  const shard = () => join(folder, 'shards', 'shard-000001.tar')
  const opened = () => openShards({ shards: join(folder, 'shards'), decode })

  async function overwrite(at: number, bytes: number[]): Promise<void> {
    const handle = await open(shard(), 'r+')
    await handle.write(Uint8Array.from(bytes), 0, bytes.length, at)
    await handle.close()
  }

  it('is named, with the byte', async () => {
    await write(25, 10)
    // A sample takes 2,048 bytes: two headers, two padded files.
    await overwrite(3 * 2048 + 20, [1, 2, 3])
    const dataset = await opened()
    await expect(dataset.get(13)).rejects.toMatchObject({ code: 'file', file: shard() })
    await expect(dataset.get(13)).rejects.toThrow(/shard-000001\.tar: at byte 6144 the shard is corrupt/)
    expect((await dataset.get(12)).id).toBe('n-12')
  })

  it('is named when it is cut off, at once or when it has no list', async () => {
    await write(25, 10)
    await truncate(shard(), 9000)
    await expect((await opened()).get(11)).rejects.toThrow(/shard-000001\.tar: it has 9000 bytes, shards\.json says 21504/)
    await rm(join(folder, 'shards', 'shards.json'))
    await expect(opened()).rejects.toThrow(/shard-000001\.tar: it is cut off/)
    await expect(indexShards(join(folder, 'shards'))).rejects.toThrow(/shard-000001\.tar: it is cut off/)
  })

  it('with a bad picture loses that example alone', async () => {
    await write(25, 10)
    await overwrite(3 * 2048 + 1536, [255])
    await expect((await opened()).get(13)).rejects.toMatchObject({ code: 'broken-example' })
    await expect((await opened()).get(13)).rejects.toThrow(/shard-000001\.tar, byte 6144, sample 000000013: corrupt picture/)
    const skipped: string[] = []
    const stream = createBatchStream(await opened(), { ...batching, onSkip: (id) => skipped.push(id) })
    for (let step = 0; step < 12; step++) await stream.next(step)
    expect(skipped).toEqual(['shards[13]'])
  })

  it('is no reason to take offsets that are not its own', async () => {
    await write(25, 10)
    const offsets = join(folder, 'shards', 'shard-000001.tar.json')
    const text = await readFile(offsets, 'utf8')
    await writeFile(offsets, text.replace('2048', '1024'))
    await expect((await opened()).get(11)).rejects.toThrow(
      /shard-000001\.tar: at byte 1024 stand files of 000000010 and of 000000011/,
    )
    await writeFile(offsets, text.replace('2048,', ''))
    await expect((await opened()).get(10)).rejects.toThrow(/offsets: expected 10/)
  })
})

describe('shards made elsewhere', () => {
  it('are read as GNU tar writes them, with long names, in every format, and after they are indexed too', async () => {
    const long = 'a-rather-long-folder-name/'.repeat(5)
    for (const format of ['ustar', 'gnu', 'pax']) {
      const source = join(folder, format)
      await mkdir(join(source, long), { recursive: true })
      for (let i = 0; i < 3; i++) {
        await writeFile(join(source, long, `${i}.json`), JSON.stringify({ question: 'What?', answer: String(i) }))
        await writeFile(join(source, long, `${i}.png`), pixel(i))
      }
      const names = [0, 1, 2].flatMap((i) => [`${long}${i}.json`, `${long}${i}.png`])
      execFileSync('tar', [`--format=${format}`, '-cf', join(source, 'data.tar'), '-C', source, ...names])
      const read = async () => {
        const dataset = await openShards({ shards: source, decode })
        const examples = await Promise.all([0, 1, 2].map((i) => dataset.get(i)))
        return examples.map(({ id, messages }) => [id, messages[1]!.content])
      }
      const scanned = await read()
      expect(scanned).toEqual([0, 1, 2].map((i) => [`${long}${i}`, [{ type: 'text', text: String(i) }]]))
      expect(await indexShards(source)).toMatchObject([{ file: 'data.tar', examples: 3 }])
      expect(await read()).toEqual(scanned)
    }
  })

  it('hold captions, which take a question', async () => {
    async function* captions(): AsyncGenerator<TarSample> {
      yield {
        key: '0',
        files: new Map([
          ['jpg', pixel(1)],
          ['txt', Buffer.from('a red square\n')],
        ]),
      }
    }
    await writeShards(captions(), { out: join(folder, 'shards') })
    const question = 'What do you see?'
    const [user, assistant] = (await (await openShards({ shards: join(folder, 'shards'), question, decode })).get(0)).messages
    expect(user!.content).toEqual([
      { type: 'image', image: await decode(pixel(1)) },
      { type: 'text', text: question },
    ])
    expect(assistant!.content).toEqual([{ type: 'text', text: 'a red square' }])
    await expect((await openShards({ shards: join(folder, 'shards'), decode })).get(0)).rejects.toThrow(/say in `question`/)
  })

  it('are named by braces, or refused when there are none', async () => {
    await write(25, 10)
    const shards = join(folder, 'shards', 'shard-{000000..000002}.tar')
    expect((await openShards({ shards, decode })).length).toBe(25)
    await expect(openShards({ shards: join(folder, 'absent'), decode })).rejects.toMatchObject({ code: 'file' })
    await expect(openShards({ shards: folder, decode })).rejects.toThrow(/neither \.tar nor \.parquet/)
    await writeFile(join(folder, 'no.tar'), Buffer.alloc(2000, 65))
    await expect(openShards({ shards: join(folder, 'no.tar'), decode })).rejects.toThrow(/no\.tar: at byte 0 no tar header/)
  })
})

describe('packing a JSONL file', () => {
  it('keeps rows and picture files as they are, and needs no picture to be decoded', async () => {
    const file = join(folder, 'questions.jsonl')
    await writeFile(join(folder, 'a.PNG'), pixel(1))
    await writeFile(join(folder, 'b.jpg'), pixel(2))
    const rows = [
      { image: 'a.PNG', question: 'What?', answer: 'A', id: 'first', task: 'look' },
      {
        images: ['a.PNG', 'b.jpg'],
        messages: [
          { role: 'user', content: 'Is <image> like <image>?' },
          { role: 'assistant', content: 'No' },
        ],
      },
      { image: 'absent.png', question: 'What?', answer: 'A' },
      { question: '1 + 1?', answer: '2' },
    ]
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'))
    const problems: string[] = []
    await writeShards(jsonlSamples({ file, onProblem: ({ message }) => problems.push(message) }), { out: join(folder, 'shards') })
    expect(problems).toEqual([expect.stringContaining('absent.png')])
    const dataset = await openShards({ shards: join(folder, 'shards'), decode })
    expect(await idsOf(dataset)).toEqual(['first', 'questions.jsonl:2', 'questions.jsonl:4'])
    expect((await dataset.get(0)).task).toBe('look')
    expect((await dataset.get(1)).messages[0]!.content).toEqual([
      { type: 'text', text: 'Is ' },
      { type: 'image', image: await decode(pixel(1)) },
      { type: 'text', text: ' like ' },
      { type: 'image', image: await decode(pixel(2)) },
      { type: 'text', text: '?' },
    ])
    expect((await dataset.get(2)).messages[0]!.content).toEqual([{ type: 'text', text: '1 + 1?' }])
  })

  it('writes over no folder unless told to, and leaves nothing half done that looks whole', async () => {
    await write(5, 2)
    await expect(write(3, 2)).rejects.toMatchObject({ code: 'file' })
    await writeShards(samples(3), { out: join(folder, 'shards'), maxExamples: 2, force: true })
    expect((await readdir(join(folder, 'shards'))).filter((name) => name.endsWith('.tar'))).toEqual([
      'shard-000000.tar',
      'shard-000001.tar',
    ])
    async function* failing(): AsyncGenerator<TarSample> {
      yield* samples(3)
      throw new Error('the source failed')
    }
    await expect(writeShards(failing(), { out: join(folder, 'other'), maxExamples: 2 })).rejects.toThrow('the source failed')
    expect((await readdir(join(folder, 'other'))).sort()).toEqual([
      'casa-folder.json',
      'shard-000000.tar',
      'shard-000000.tar.json',
    ])
    await expect(writeShards(samples(0), { out: join(folder, 'empty') })).rejects.toThrow(/no sample/)
  })
})

describe('shards on a server', () => {
  it('are read by ranges: each part asks for its own shards, in pieces', async () => {
    await write(400, 50)
    const asked = new Map<string, number>()
    const server = createServer(async (request, response) => {
      const path = join(folder, 'shards', request.url!)
      const bytes = await readFile(path).catch(() => undefined)
      if (!bytes) return response.writeHead(404).end()
      const [from, to] = /bytes=(\d+)-(\d+)/
        .exec(request.headers.range ?? '')!
        .slice(1)
        .map(Number) as [number, number]
      const part = bytes.subarray(from, to + 1)
      asked.set(basename(path), (asked.get(basename(path)) ?? 0) + part.byteLength)
      response.writeHead(206, {
        'content-range': `bytes ${from}-${from + part.byteLength - 1}/${bytes.byteLength}`,
        'content-length': part.byteLength,
        etag: '"one"',
      })
      return response.end(part)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const shards = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const remote = await openShards({ shards, buffer: 20, decode })
      expect(remote.length).toBe(400)
      expect([...asked.keys()]).toEqual(['shards.json'])
      const local = await openShards({ shards: join(folder, 'shards'), buffer: 20, decode })
      const [own, same] = [remote.part(1, 4), local.part(1, 4)]
      const [order, sameOrder] = [own.order(1, 0), same.order(1, 0)]
      for (let at = 0; at < own.length; at++) expect(await own.get(order(at))).toEqual(await same.get(sameOrder(at)))
      const tars = [...asked].filter(([name]) => name.endsWith('.tar'))
      expect(tars.map(([name]) => name).sort()).toEqual(['shard-000002.tar', 'shard-000003.tar'])
      // The opening request, and each piece once.
      for (const [, bytes] of tars) expect(bytes).toBeLessThan(1.7 * 50 * 2048)
      await expect(openShards({ shards: `${shards}shard-000000.tar`, decode })).rejects.toThrow(/casa data index/)
      await expect(openShards({ shards: `${shards}other/absent`, decode })).rejects.toThrow(/no such file/)
    } finally {
      server.close()
    }
  })
})
