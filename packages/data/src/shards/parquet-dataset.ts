/**
 * A dataset of conversations in parquet tables, as the hub's collections of questions hold them: a picture (or several), a question and an
 * answer, or a column of messages.
 */
import { CasaError, ConfigError } from '@casa-js/base'
import type { Example, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from '../broken-example.ts'
import { parseRow } from '../jsonl-row.ts'
import type { ParquetTable } from './parquet.ts'
import { shardedDataset, type ShardedDataset } from './sharded-dataset.ts'

/** Names of columns. One that is not named is looked for under its own name, and left out when the table lacks it. */
export interface ParquetColumns {
  /** A picture or a list of them: bytes of an image file, or a struct with them in `bytes`. Default "image", else "images". */
  image?: string | undefined
  /** Default "question". */
  question?: string | undefined
  /** A text, or a list of which the first is taken. Default "answer", else "answers". */
  answer?: string | undefined
  /** A list of { role, content }, in place of question and answer. Default "messages". */
  messages?: string | undefined
  /** Default "id". */
  id?: string | undefined
}

export interface ParquetDatasetOptions {
  name: string
  fingerprint: string
  table: ParquetTable
  /** As `chooseColumns` gave them. */
  columns: ParquetColumns
  buffer: number
  decode(bytes: Uint8Array): Promise<RgbImage>
}

const defaults = {
  image: ['image', 'images'],
  question: ['question'],
  answer: ['answer', 'answers'],
  messages: ['messages'],
  id: ['id'],
}

/**
 * The names of the columns that a table's examples are made of.
 * @throws ConfigError when a named column is missing, or there are neither messages nor question and answer
 */
export function chooseColumns(given: ParquetColumns, available: readonly string[], name: string): ParquetColumns {
  const chosen: ParquetColumns = {}
  for (const role of Object.keys(defaults) as (keyof ParquetColumns)[]) {
    const named = given[role]
    if (named !== undefined && !available.includes(named))
      throw new ConfigError(`${name}: columns.${role}`, `there is no column "${named}"; there are ${available.join(', ')}`)
    const found = named ?? defaults[role].find((column) => available.includes(column))
    if (found !== undefined) chosen[role] = found
  }
  if (chosen.messages === undefined && (chosen.question === undefined || chosen.answer === undefined))
    throw new ConfigError(
      `${name}: columns`,
      `expected question and answer, or messages; the columns are ${available.join(', ')}`,
    )
  return chosen
}

/** Row groups are the pieces that are shuffled. */
export function parquetDataset(options: ParquetDatasetOptions): ShardedDataset {
  const { table, columns, name, decode } = options
  const pieces = [...startsOfGroups(table.groups)]

  async function read(index: number): Promise<Example> {
    const cells = await table.row(index)
    try {
      const pictures = picturesOf(columns.image === undefined ? undefined : cells[columns.image])
      const { row } = parseRow(JSON.stringify(rowOf(cells, columns, pictures.length)))
      const loaded = row.messages.map(async ({ role, content }): Promise<Message> => {
        const parts = content.map(async (part) =>
          part.type === 'text' ? part : { type: 'image' as const, image: await decode(pictures[Number(part.image)]!) },
        )
        return { role, content: await Promise.all(parts) }
      })
      return { id: row.id ?? `${name}:${index}`, task: row.task ?? 'default', messages: await Promise.all(loaded) }
    } catch (error) {
      throw new BrokenExampleError(`${name}, row ${index}: ${(error as Error).message}`, { cause: error })
    }
  }

  return shardedDataset({ ...options, pieces, read, close: () => table.close() })
}

function* startsOfGroups(groups: readonly number[]): Generator<{ start: number; count: number }> {
  let start = 0
  for (const count of groups) {
    yield { start, count }
    start += count
  }
}

/** A row as of a JSONL file, whose pictures are called by their numbers. */
function rowOf(cells: Record<string, unknown>, columns: ParquetColumns, pictures: number): Record<string, unknown> {
  const id = columns.id === undefined ? undefined : plain(cells[columns.id])
  const images = Array.from({ length: pictures }, (_, i) => String(i))
  const common = { ...(id !== undefined && id !== null && { id }), images }
  if (columns.messages !== undefined) return { ...common, messages: plain(cells[columns.messages]) }
  const answer = plain(cells[columns.answer!])
  return { ...common, question: plain(cells[columns.question!]), answer: Array.isArray(answer) ? answer[0] : answer }
}

/** Texts whose column does not say that it is text come as bytes, 64-bit integers as bigint. */
function plain(cell: unknown): unknown {
  if (cell instanceof Uint8Array) return new TextDecoder().decode(cell)
  if (typeof cell === 'bigint') return Number(cell)
  if (Array.isArray(cell)) return cell.map(plain)
  if (typeof cell !== 'object' || cell === null) return cell
  return Object.fromEntries(Object.entries(cell).map(([key, value]) => [key, plain(value)]))
}

/** The image files of a cell. */
function picturesOf(cell: unknown): Uint8Array[] {
  if (cell === undefined || cell === null) return []
  if (cell instanceof Uint8Array) return [cell]
  if (Array.isArray(cell)) return cell.flatMap(picturesOf)
  const { bytes } = cell as { bytes?: unknown }
  if (bytes instanceof Uint8Array) return [bytes]
  throw new CasaError('its picture is not stored in the table (no bytes): only tables that hold their pictures can be read')
}
