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
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { CasaError, FileError } from '@casa-js/base'
import type { Dataset, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import { createGate } from './gate.ts'
import { parseRow, type Row } from './jsonl-row.ts'

/** A problem with a row, reported to its author. */
export interface RowProblem {
  file: string
  /** From 1. */
  line: number
  message: string
  /** Whether the row was left out. Otherwise it is used as the message says. */
  leftOut: boolean
}

export interface JsonlOptions {
  /** The JSONL file. */
  file: string
  /** Folder that image paths start from, and that the pictures must lie in. Default: the file's own folder. */
  imageFolder?: string | undefined
  /** Read pictures outside the folder too: by "../", an absolute path or a link. Default false. */
  allowOutside?: boolean | undefined
  /** Image file -> pixels, e.g. `decodeImage` of @casa-js/vision. */
  decode(bytes: Uint8Array): Promise<RgbImage>
  /** Called for every problem as it is found. */
  onProblem?(problem: RowProblem): void
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
  const { file, decode, onProblem } = options
  const bytes = await readFile(file).catch((error: Error) => {
    throw new FileError(file, `cannot be read (${error.message}); give the path of a JSONL file`, { cause: error })
  })
  const pictures = openPictures(options.imageFolder ?? dirname(file), options.allowOutside ?? false)
  const rows: { row: Row; line: number }[] = []
  const problems: RowProblem[] = []
  const report = (line: number, message: string, leftOut: boolean): void => {
    const problem = { file, line, message, leftOut }
    problems.push(problem)
    onProblem?.(problem)
  }
  for (const [index, source] of linesOf(bytes).entries()) {
    const line = index + 1
    try {
      const text = decodeUtf8(source, index === 0)
      if (text.trim() === '') continue
      const { row, notes } = parseRow(text)
      for (const image of imagesOf(row)) await pictures.locate(image)
      for (const note of notes) report(line, note, false)
      rows.push({ row, line })
    } catch (error) {
      if (!CasaError.isInstance(error)) throw error
      report(line, error.message, true)
    }
  }
  if (rows.length === 0) {
    const first = problems[0] ? `; the first problem: line ${problems[0].line}: ${problems[0].message}` : ''
    throw new FileError(file, `no usable row among ${problems.length}${first}`)
  }
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
        return await decode(await readFile(await pictures.locate(image)))
      } catch (error) {
        throw new BrokenExampleError(`${file}, line ${line}: image ${image}: ${(error as Error).message}`, { cause: error })
      }
    })
  }
}

/** Bytes of each line, without line ends. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
  return [...lines, bytes.subarray(start)]
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws CasaError for bytes that are not UTF-8: they would be trained on as replacement characters. */
function decodeUtf8(bytes: Uint8Array, first: boolean): string {
  try {
    const text = utf8.decode(bytes)
    return first ? text.replace(/^\uFEFF/, '') : text
  } catch {
    throw new CasaError('not UTF-8: save the file with that encoding')
  }
}

function imagesOf({ messages }: Row): string[] {
  return messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image] : [])))
}

/** Where pictures lie. */
function openPictures(folder: string, allowOutside: boolean): { locate(image: string): Promise<string> } {
  let root: Promise<string> | undefined
  return {
    /** @throws CasaError for a picture that is missing, not a file, or not allowed to be read. */
    async locate(image) {
      if (image.includes('\0')) throw new CasaError(`image ${JSON.stringify(image)}: a path holds no NUL`)
      root ??= realpath(folder).catch(() => resolve(folder))
      const path = resolve(folder, image)
      if (!allowOutside && !isInside(resolve(folder), path)) throw outside(image, folder)
      const found = await realpath(path).catch(() => undefined)
      if (found === undefined) throw new CasaError(`image ${image} is not in ${folder}`)
      if (!allowOutside && !isInside(await root, found)) throw outside(image, folder)
      // A pipe or a device has no end.
      if (!(await stat(found)).isFile()) throw new CasaError(`image ${image} is no regular file`)
      return found
    },
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function outside(image: string, folder: string): CasaError {
  return new CasaError(
    `image ${image} lies outside ${folder}: move it there, or allow pictures outside the folder (allowOutside)`,
  )
}
