/** Reads the rows of a JSONL file and finds their pictures, which must lie in a folder (see jsonl-dataset.node.ts). */
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { CasaError, FileError } from '@casa-js/base'
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

/** Which file, and which pictures may be read. */
export interface JsonlSource {
  /** The JSONL file. */
  file: string
  /** Folder that image paths start from, and that the pictures must lie in. Default: the file's own folder. */
  imageFolder?: string | undefined
  /** Read pictures outside the folder too: by "../", an absolute path or a link. Default false. */
  allowOutside?: boolean | undefined
  /** Called for every problem as it is found. */
  onProblem?(problem: RowProblem): void
}

export interface JsonlRows {
  /** The file. */
  bytes: Uint8Array
  /** Good rows, whose pictures are there. */
  rows: { row: Row; line: number }[]
  problems: RowProblem[]
  /** Where a picture lies. @throws CasaError for one that is missing, no file, or not allowed to be read. */
  locate(image: string): Promise<string>
}

/** @throws FileError when the file cannot be read or holds no good row. */
export async function readJsonlRows(source: JsonlSource): Promise<JsonlRows> {
  const { file, onProblem } = source
  const bytes = await readFile(file).catch((error: Error) => {
    throw new FileError(file, `cannot be read (${error.message}); give the path of a JSONL file`, { cause: error })
  })
  const pictures = openPictures(source.imageFolder ?? dirname(file), source.allowOutside ?? false)
  const rows: { row: Row; line: number }[] = []
  const problems: RowProblem[] = []
  const report = (line: number, message: string, leftOut: boolean): void => {
    const problem = { file, line, message, leftOut }
    problems.push(problem)
    onProblem?.(problem)
  }
  for (const [index, written] of linesOf(bytes).entries()) {
    const line = index + 1
    try {
      const text = decodeUtf8(written, index === 0)
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
  return { bytes, rows, problems, locate: (image) => pictures.locate(image) }
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
