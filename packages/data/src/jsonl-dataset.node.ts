/**
 * Your own pictures: a JSONL file beside a folder of images. One row is
 *
 *     {"image": "cats/1.png", "question": "What is this?", "answer": "a cat"}          or "images": ["1.png", "2.png"]
 *     {"messages": [{"role": "user", "content": "<image>What is it?"}, {"role": "assistant", "content": "a cat"}], "images": [..]}
 *
 * `<image>` in a text marks where the next picture stands; without a mark, pictures stand before the first question. A content
 * may also be a list of parts: {"type": "text", "text": ..} and {"type": "image", "image": "1.png"}. Optional fields: "id",
 * "task".
 */
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { CasaError } from '@casa-js/base'
import type { Dataset, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { parseRow, type Row } from './jsonl-row.ts'

/** A row that was left out. */
export interface RowProblem {
  file: string
  /** From 1. */
  line: number
  message: string
}

export interface JsonlOptions {
  /** The JSONL file. */
  file: string
  /** Folder that image paths start from. Default: the file's own folder. */
  imageFolder?: string | undefined
  /** Image file -> pixels, e.g. `decodeImage` of @casa-js/vision. */
  decode(bytes: Uint8Array): Promise<RgbImage>
  /** Told of every row that is left out, as it is found. */
  onProblem?(problem: RowProblem): void
}

/** A dataset that knows what it left out. */
export interface JsonlDataset extends Dataset {
  /** Broken rows and rows whose image file is missing, in order of lines. They have no index. */
  readonly problems: RowProblem[]
}

/**
 * Reads and checks every row; pixels are decoded when an example is asked for. `get` throws BrokenExampleError, with file and
 * line, for a picture that turns out to be torn; `createBatchStream` leaves such examples out and counts them.
 * @throws CasaError when the file cannot be read or holds no good row.
 */
export async function openJsonlDataset({ file, imageFolder, decode, onProblem }: JsonlOptions): Promise<JsonlDataset> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new CasaError(`${file}: cannot be read (${(error as Error).message}); give the path of a JSONL file`)
  }
  const folder = imageFolder ?? dirname(file)
  const rows: { row: Row; line: number }[] = []
  const problems: RowProblem[] = []
  for (const [index, source] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (source.trim() === '') continue
    const line = index + 1
    try {
      const row = parseRow(source)
      await checkImages(row, folder)
      rows.push({ row, line })
    } catch (error) {
      const problem = { file, line, message: (error as Error).message }
      problems.push(problem)
      onProblem?.(problem)
    }
  }
  if (rows.length === 0) {
    const first = problems[0] ? `; the first problem: line ${problems[0].line}: ${problems[0].message}` : ''
    throw new CasaError(`${file}: no usable row among ${problems.length}${first}`)
  }

  return {
    name: basename(file, '.jsonl'),
    length: rows.length,
    problems,
    async get(index) {
      if (!rows[index]) throw new CasaError(`${file}: index ${index} is outside 0..${rows.length - 1}`)
      const { row, line } = rows[index]
      const messages = await Promise.all(
        row.messages.map(async ({ role, content }): Promise<Message> => {
          const parts = content.map(async (part) =>
            part.type === 'text' ? part : { type: 'image' as const, image: await load(part.image, line) },
          )
          return { role, content: await Promise.all(parts) }
        }),
      )
      return { id: row.id ?? `${basename(file)}:${line}`, task: row.task ?? 'default', messages }
    },
  }

  async function load(image: string, line: number): Promise<RgbImage> {
    try {
      return await decode(await readFile(resolve(folder, image)))
    } catch (error) {
      throw new BrokenExampleError(`${file}, line ${line}: image ${image}: ${(error as Error).message}`)
    }
  }
}

async function checkImages({ messages }: Row, folder: string) {
  for (const { content } of messages) {
    for (const part of content) {
      if (part.type === 'text') continue
      const status = await stat(resolve(folder, part.image)).catch(() => {
        throw new CasaError(`image ${part.image} is not in ${folder}`)
      })
      // A pipe or a device may have no end.
      if (!status.isFile()) throw new CasaError(`image ${part.image} in ${folder} is no regular file`)
    }
  }
}
