/**
 * Your own pictures: a JSONL file beside a folder of images. One row is
 *
 *     {"image": "cats/1.png", "question": "What is this?", "answer": "a cat"}          or "images": ["1.png", "2.png"]
 *     {"messages": [{"role": "user", "content": "<image>What is it?"}, {"role": "assistant", "content": "a cat"}], "images": [..]}
 *
 * `<image>` in a text marks where the next picture stands; without a mark, pictures stand before the first question. A content
 * may also be a list of parts: {"type": "text", "text": ..} and {"type": "image", "image": "1.png"}. Optional fields: "id" (a text
 * or a number), "task".
 *
 * Pictures must lie in the folder. Otherwise an untrusted file could put any picture on this machine into a report.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { CasaError } from '@casa-js/base'
import type { Dataset, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { createGate } from './gate.ts'
import { readJsonlRows, type JsonlSource, type RowProblem } from './jsonl-rows.node.ts'

export interface JsonlOptions extends JsonlSource {
  /** Image file -> pixels, e.g. `decodeImage` of @casa-js/vision. */
  decode(bytes: Uint8Array): Promise<RgbImage>
}

/** A dataset that lists the rows it left out. */
export interface JsonlDataset extends Dataset {
  /** Broken rows, rows whose picture is missing or lies outside the folder, and rows that were reinterpreted; by line. */
  readonly problems: RowProblem[]
  /** SHA-256 of the file, in hex. */
  readonly fingerprint: string
}

/** Pictures decoded at once. Each may take hundreds of megabytes, and more threads than this gain little. */
const DECODED_AT_ONCE = 2

/**
 * Reads and checks every row; pixels are decoded when an example is asked for. `get` throws BrokenExampleError, with file and
 * line, for a picture that turns out to be corrupt; `createBatchStream` leaves such examples out and counts them.
 *
 * @throws FileError when the file cannot be read or holds no good row.
 */
export async function openJsonlDataset(options: JsonlOptions): Promise<JsonlDataset> {
  const { file, decode } = options
  const { bytes, rows, problems, locate } = await readJsonlRows(options)
  const decoding = createGate(DECODED_AT_ONCE)

  return {
    name: basename(file, '.jsonl'),
    length: rows.length,
    problems,
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
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

  function load(image: string, line: number): Promise<RgbImage> {
    return decoding(async () => {
      try {
        return await decode(await readFile(await locate(image)))
      } catch (error) {
        throw new BrokenExampleError(`${file}, line ${line}: image ${image}: ${(error as Error).message}`, { cause: error })
      }
    })
  }
}
