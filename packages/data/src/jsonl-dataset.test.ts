import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CasaError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import { openJsonlDataset } from './jsonl-dataset.node.ts'
import { parseRow } from './jsonl-row.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-data-'))
  for (const [name, grey] of Object.entries({ 'one.raw': 1, 'two.raw': 2, 'torn.raw': 0 })) {
    await writeFile(join(folder, name), Buffer.of(grey))
  }
})
afterAll(() => rm(folder, { recursive: true }))

/** A file of one byte is a picture of that grey; 0 is torn. */
const decode = async (bytes: Uint8Array): Promise<RgbImage> => {
  if (bytes[0] === 0) throw new Error('unexpected end of file')
  return { widthPx: 1, heightPx: 1, data: new Uint8Array(3).fill(bytes[0]!) }
}

async function open(lines: string[]) {
  const file = join(folder, 'rows.jsonl')
  await writeFile(file, lines.join('\n'))
  return openJsonlDataset({ file, decode })
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
      `image /dev/zero in ${folder} is no regular file`,
    ])
    expect((await dataset.get(1)).id).toBe('rows.jsonl:6')
  })

  it('names file and line of a torn picture', async () => {
    const dataset = await open(['{"image": "torn.raw", "question": "What?", "answer": "a"}'])
    await expect(dataset.get(0)).rejects.toMatchObject({
      name: 'BrokenExampleError',
      message: expect.stringMatching(/rows\.jsonl, line 1: image torn\.raw: unexpected end of file/),
    })
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
          expect(parseRow(source).messages.at(-1)?.role).toBe('assistant')
        } catch (error) {
          expect(error).toBeInstanceOf(CasaError)
        }
      }),
    )
  })
})
