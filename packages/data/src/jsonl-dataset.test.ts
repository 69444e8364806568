import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CasaError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import { openJsonlDataset, type JsonlOptions } from './jsonl-dataset.node.ts'
import type { RowProblem } from './jsonl-rows.node.ts'
import { parseRow } from './jsonl-row.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-data-'))
  for (const [name, grey] of Object.entries({ 'one.raw': 1, 'two.raw': 2, 'corrupt.raw': 0 })) {
    await writeFile(join(folder, name), Buffer.of(grey))
  }
})
afterAll(() => rm(folder, { recursive: true }))

/** A file of one byte is a picture of that grey; 0 is corrupt. */
const decode = async (bytes: Uint8Array): Promise<RgbImage> => {
  if (bytes[0] === 0) throw new Error('unexpected end of file')
  return { widthPx: 1, heightPx: 1, data: new Uint8Array(3).fill(bytes[0]!) }
}

async function open(lines: (string | Uint8Array)[], options: Partial<JsonlOptions> = {}) {
  const file = join(folder, 'rows.jsonl')
  await writeFile(file, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])))
  return openJsonlDataset({ file, decode, ...options })
}

const picture = (grey: number) => ({ type: 'image', image: { widthPx: 1, heightPx: 1, data: new Uint8Array(3).fill(grey) } })
const text = (words: string) => ({ type: 'text', text: words })

describe('openJsonlDataset', () => {
  it('reads questions, lists of images, marks and messages', async () => {
    const dataset = await open([
      '{"image": "one.raw", "question": "What?", "answer": "a", "id": "first", "task": "naming"}',
      '{"images": ["one.raw", "two.raw"], "question": "Which?", "answer": "b"}',
      '{"images": ["one.raw", "two.raw"], "question": "This <image> or that <image>?", "answer": "c"}',
      JSON.stringify({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image', image: 'two.raw' },
              { type: 'text', text: 'Q' },
            ],
          },
          { role: 'assistant', content: 'd' },
        ],
      }),
    ])
    expect([dataset.name, dataset.length, dataset.problems]).toEqual(['rows', 4, []])
    const [first, second, third, fourth] = await Promise.all([0, 1, 2, 3].map((index) => dataset.get(index)))
    expect([first!.id, first!.task]).toEqual(['first', 'naming'])
    expect(second!.id).toBe('rows.jsonl:2')
    expect(first!.messages).toEqual([
      { role: 'user', content: [picture(1), text('What?')] },
      { role: 'assistant', content: [text('a')] },
    ])
    expect(second!.messages[0]!.content).toEqual([picture(1), picture(2), text('Which?')])
    expect(third!.messages[0]!.content).toEqual([text('This '), picture(1), text(' or that '), picture(2), text('?')])
    expect(fourth!.messages[0]!.content).toEqual([picture(2), text('Q')])
  })

  it('reports broken rows and missing images by file and line, and leaves them out', async () => {
    const good = '{"image": "one.raw", "question": "What?", "answer": "a"}'
    const dataset = await open([
      good,
      '{"image": "one.raw", "question": ',
      '',
      '{"image": "lost.raw", "question": "What?", "answer": "a"}',
      '{"image": "one.raw", "question": "What?"}',
      good,
      '{"image": "/dev/zero", "question": "What?", "answer": "a"}',
    ])
    expect(dataset.length).toBe(2)
    expect(dataset.problems.map(({ line }) => line)).toEqual([2, 4, 5, 7])
    expect(dataset.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^not JSON/),
      `image lost.raw is not in ${folder}`,
      'answer: expected a text, got nothing',
      expect.stringMatching(/^image \/dev\/zero lies outside /),
    ])
    expect((await dataset.get(1)).id).toBe('rows.jsonl:6')
  })

  it('names file and line of a corrupt picture', async () => {
    const dataset = await open(['{"image": "corrupt.raw", "question": "What?", "answer": "a"}'])
    await expect(dataset.get(0)).rejects.toMatchObject({
      name: 'BrokenExampleError',
      message: expect.stringMatching(/rows\.jsonl, line 1: image corrupt\.raw: unexpected end of file/),
    })
  })

  it('reports lines that are no UTF-8, and rows that are read otherwise than they say', async () => {
    const told: RowProblem[] = []
    const good = '{"image": "one.raw", "question": "What?", "answer": "a"}'
    const latin = Buffer.from('{"image": "one.raw", "question": "What?", "answer": "caf\u00e9"}', 'latin1')
    const dataset = await open(
      [
        `\uFEFF${good}`,
        latin,
        '{"id": 12, "image": "one.raw", "question": "What?", "answer": "a"}',
        '{"image": null, "question": "What is 1 + 1?", "answer": "2", "id": null}',
        '{"image": null, "question": "What is <image>?", "answer": "2"}',
      ],
      { onProblem: (problem) => told.push(problem) },
    )
    expect(dataset.problems).toEqual(told)
    expect(told.map(({ line, leftOut, message }) => [line, leftOut, message])).toEqual([
      [2, true, 'not UTF-8: save the file with that encoding'],
      [4, false, 'image is null: read as a row without pictures'],
      [5, true, 'images: 0 paths for 1 <image> marks; they must be as many'],
    ])
    expect(dataset.length).toBe(3)
    const examples = await Promise.all([0, 1, 2].map((index) => dataset.get(index)))
    expect(examples.map(({ id }) => id)).toEqual(['rows.jsonl:1', '12', 'rows.jsonl:4'])
    expect(examples[2]!.messages[0]!.content).toEqual([text('What is 1 + 1?')])
  })

  it('reads no picture outside its folder unless told so, by whatever way it is named', async () => {
    const inside = join(folder, 'inside')
    await mkdir(inside)
    await writeFile(join(inside, 'own.raw'), Buffer.of(9))
    await symlink(join(folder, 'one.raw'), join(inside, 'link.raw'))
    await symlink(join(inside, 'own.raw'), join(inside, 'own-link.raw'))
    await mkdir(join(inside, '..names'))
    await writeFile(join(inside, '..names', 'dots.raw'), Buffer.of(8))
    const named = [
      '../one.raw',
      join(folder, 'one.raw'),
      'link.raw',
      'own.raw',
      'own-link.raw',
      '..names/dots.raw',
      '..names',
      '/dev/zero',
    ]
    const lines = named.map((image) => JSON.stringify({ image, question: 'What?', answer: 'a' }))
    const closed = await open(lines, { imageFolder: inside })
    expect(closed.problems.map(({ line }) => line)).toEqual([1, 2, 3, 7, 8])
    expect(closed.problems[0]!.message).toBe(
      `image ../one.raw lies outside ${inside}: move it there, or allow pictures outside the folder (allowOutside)`,
    )
    expect(closed.problems[3]!.message).toBe('image ..names is no regular file')
    const opened = await open(lines, { imageFolder: inside, allowOutside: true })
    expect(opened.problems.map(({ line, message }) => [line, message])).toEqual([
      [7, 'image ..names is no regular file'],
      [8, 'image /dev/zero is no regular file'],
    ])
  })

  it('decodes no more than two pictures at once', async () => {
    let open_ = 0
    let most = 0
    const rows = Array.from({ length: 8 }, () => '{"image": "one.raw", "question": "What?", "answer": "a"}')
    const dataset = await open(rows, {
      decode: async (bytes) => {
        most = Math.max(most, ++open_)
        await new Promise((resolve) => setTimeout(resolve, 1))
        open_--
        return decode(bytes)
      },
    })
    await Promise.all(rows.map((_, index) => dataset.get(index)))
    expect(most).toBe(2)
  })

  it('has a fingerprint that follows from its bytes', async () => {
    const row = '{"image": "one.raw", "question": "What?", "answer": "a"}'
    const [one, same, other] = [await open([row, row]), await open([row, row]), await open([row])]
    expect(one.fingerprint).toBe(same.fingerprint)
    expect(one.fingerprint).not.toBe(other.fingerprint)
  })

  it('says what is wrong with a file as a whole', async () => {
    await expect(open(['[]', '3'])).rejects.toThrow(/no usable row among 2; the first problem: line 1: a row: expected an object/)
    await expect(openJsonlDataset({ file: join(folder, 'no.jsonl'), decode })).rejects.toThrow(/no\.jsonl: cannot be read/)
  })
})

describe('parseRow', () => {
  it.each([
    ['{"question": "q", "answer": ""}', /^answer: expected a text, got ""/],
    ['{"image": "a", "images": ["b"], "question": "q", "answer": "a"}', /^image, images: give one/],
    ['{"images": "a", "question": "q", "answer": "a"}', /^images: expected a list/],
    ['{"image": "a", "question": "<image><image>", "answer": "a"}', /^images: 1 paths for 2 <image> marks/],
    ['{"messages": []}', /^messages: expected a list/],
    ['{"messages": [{"role": "user", "content": "q"}]}', /the last one must be the assistant's/],
    ['{"messages": [{"role": "bot", "content": "q"}]}', /^messages\[0\]\.role: .* got "bot"/],
    ['{"messages": [{"role": "user", "content": [{"type": "sound"}]}]}', /^messages\[0\]\.content\[0\]\.type: .* got "sound"/],
  ])('%s', (source, message) => {
    expect(() => parseRow(source)).toThrow(message)
  })

  it('answers any text with a row or a CasaError', () => {
    const rows = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((messages) => JSON.stringify({ messages, images: ['a'] })),
    )
    fc.assert(
      fc.property(rows, (source) => {
        try {
          expect(parseRow(source).row.messages.at(-1)?.role).toBe('assistant')
        } catch (error) {
          expect(error).toBeInstanceOf(CasaError)
        }
      }),
    )
  })
})
