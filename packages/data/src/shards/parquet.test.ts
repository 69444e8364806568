import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RgbImage } from '@casa-js/core'
import { fileSource, type ByteSource } from '@casa-js/weights'
import { openShards } from './open-shards.node.ts'
import { openParquet } from './parquet.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-parquet-'))
})
afterEach(() => rm(folder, { recursive: true }))

const decode = async (bytes: Uint8Array): Promise<RgbImage> => {
  if (bytes.length !== 3) throw new Error('corrupt picture')
  return { widthPx: 1, heightPx: 1, data: new Uint8Array(bytes) }
}

/** Rows first .. first + count - 1, in row groups of 4. */
async function table(name: string, first: number, count: number, extra: object[] = []): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => first + i)
  const columnData = [
    { name: 'image', type: 'BYTE_ARRAY', data: rows.map((i) => Uint8Array.of(i, 2, 3)) },
    { name: 'question', data: rows.map((i) => `What is ${i}?`) },
    { name: 'answers', data: rows.map((i) => [String(i), 'a number']) },
    { name: 'id', data: rows.map((i) => i) },
    ...extra,
  ]
  const bytes = parquetWriteBuffer({
    columnData: columnData as Parameters<typeof parquetWriteBuffer>[0]['columnData'],
    rowGroupSize: 4,
  })
  await writeFile(join(folder, name), Buffer.from(bytes))
}

describe('parquet shards', () => {
  it('give pictures, questions and answers of every file, by row', async () => {
    await table('a.parquet', 0, 10)
    await table('b.parquet', 10, 5)
    const dataset = await openShards({ shards: folder, decode })
    expect(dataset.length).toBe(15)
    for (const index of [0, 9, 10, 14]) {
      expect(await dataset.get(index)).toEqual({
        id: String(index),
        task: 'default',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image', image: { widthPx: 1, heightPx: 1, data: Uint8Array.of(index, 2, 3) } },
              { type: 'text', text: `What is ${index}?` },
            ],
          },
          { role: 'assistant', content: [{ type: 'text', text: String(index) }] },
        ],
      })
    }
    await dataset.close()
  })

  it('are read as pyarrow writes them, with pictures in structs', async () => {
    const fixtures = fileURLToPath(new URL('../fixtures/chartqa', import.meta.url))
    const files: number[] = []
    const dataset = await openShards({
      shards: fixtures,
      decode: async (bytes) => {
        files.push(bytes.length)
        expect([...bytes.subarray(1, 4)]).toEqual([...'PNG'].map((letter) => letter.charCodeAt(0)))
        return { widthPx: 1, heightPx: 1, data: new Uint8Array(3) }
      },
    })
    for (let index = 0; index < dataset.length; index++) {
      const [user, assistant] = (await dataset.get(index)).messages
      expect(user!.content.map(({ type }) => type)).toEqual(['image', 'text'])
      expect(assistant!.content).toEqual([{ type: 'text', text: expect.stringMatching(/./) }])
    }
    expect(files.length).toBe(3)
    await dataset.close()
  })

  it('are shuffled by row groups: an epoch has every row once, and decodes each group about once', async () => {
    await table('a.parquet', 0, 40)
    const reads: [number, number][] = []
    const file = await fileSource(join(folder, 'a.parquet'))
    const source: ByteSource = { ...file, read: (begin, end) => (reads.push([begin, end]), file.read(begin, end)) }
    const parquet = await openParquet([source], { bufferBytes: 1e6 })
    expect(parquet.groups).toEqual(Array.from({ length: 10 }, () => 4))
    reads.length = 0
    for (let index = 0; index < 40; index++) await parquet.row((index * 7) % 40)
    const all = reads.length
    for (let index = 0; index < 40; index++) await parquet.row(index)
    expect(reads.length).toBe(all)
    await parquet.close()

    const dataset = await openShards({ shards: folder, buffer: 8, decode })
    const order = dataset.order(1, 0)
    const ids = await Promise.all(Array.from({ length: 40 }, async (_, at) => (await dataset.get(order(at))).id))
    expect(new Set(ids).size).toBe(40)
    expect(new Set(ids.slice(0, 8).map((id) => Math.floor(Number(id) / 4))).size).toBe(2)
    await dataset.close()
  })

  it('take names of columns, and say which there are', async () => {
    await table('a.parquet', 0, 3, [{ name: 'query', data: ['x?', 'y?', 'z?'] }])
    const named = await openShards({ shards: folder, columns: { question: 'query' }, decode })
    expect((await named.get(1)).messages[0]!.content[1]).toEqual({ type: 'text', text: 'y?' })
    await named.close()
    await expect(openShards({ shards: folder, columns: { answer: 'label' }, decode })).rejects.toThrow(
      /columns\.answer: there is no column "label"; there are image, question, answers, id, query/,
    )
  })

  it('lose one example for a bad picture, and are refused when they are damaged', async () => {
    await table('a.parquet', 0, 3)
    const broken = await openShards({ shards: folder, decode: () => Promise.reject(new Error('corrupt picture')) })
    await expect(broken.get(2)).rejects.toMatchObject({ code: 'broken-example' })
    await broken.close()
    await writeFile(join(folder, 'b.parquet'), 'PAR1 and nothing of it')
    await expect(openShards({ shards: folder, decode })).rejects.toThrow(/b\.parquet: this is no parquet file/)
  })
})
