/** Rows of parquet files by number, read by ranges: of a table on a server only the row groups that are asked for travel. */
import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { ArgumentError, FileError } from '@casa-js/base'
import type { ByteSource } from '@casa-js/weights'
import { LRUCache } from 'lru-cache'
import { createGate } from '../gate.ts'
import { lastAtMost } from './order.ts'

export interface ParquetTable {
  /** Rows of all files. */
  readonly length: number
  /** Names of the top columns. */
  readonly columns: readonly string[]
  /** Rows of each row group, in the order of the rows: those of a group are read together. */
  readonly groups: readonly number[]
  /** One row. Binary columns are Uint8Array, a struct of an image is { bytes, path }. */
  row(index: number): Promise<Record<string, unknown>>
  close(): Promise<void>
}

type Rows = Record<string, unknown>[]

/** Files whose metadata is read at the same time. */
const openedAtOnce = 8

interface OpenFile {
  source: ByteSource
  buffer: AsyncBuffer
  metadata: FileMetaData
}

/** A row group of a file. Its rows are decoded together. */
interface Group {
  file: OpenFile
  /** Number of its first row in the table, and in the file. */
  start: number
  startInFile: number
  rows: number
  /** Of its values when they are decoded. */
  bytes: number
}

export interface ParquetOptions {
  /** Read these columns alone, or those that are chosen from the first file's; all unless given. */
  columns?: readonly string[] | ((available: readonly string[]) => readonly string[]) | undefined
  /** Bytes of row groups that are kept decoded; the one used last always is. Default 0: that one alone. */
  bufferBytes?: number | undefined
}

/**
 * Opens files of one table, in the order given.
 *
 * @throws FileError naming the file that is not a parquet file, or lacks a column
 */
export async function openParquet(sources: readonly ByteSource[], options: ParquetOptions = {}): Promise<ParquetTable> {
  const { bufferBytes = 0 } = options
  const gate = createGate(openedAtOnce)
  const files = await Promise.all(sources.map((source) => gate(() => openFile(source))))
  const available = files[0] ? columnsOf(files[0].metadata) : []
  const columns = typeof options.columns === 'function' ? options.columns(available) : options.columns
  const groups: Group[] = []
  let length = 0
  for (const file of files) {
    const { source, metadata } = file
    const names = columnsOf(metadata)
    const missing = columns?.find((column) => !names.includes(column))
    if (missing !== undefined) throw new FileError(source.name, `there is no column "${missing}"; there are ${names.join(', ')}`)
    let startInFile = 0
    for (const { num_rows, total_byte_size } of metadata.row_groups) {
      const rows = Number(num_rows)
      groups.push({ file, start: length, startInFile, rows, bytes: Number(total_byte_size) })
      startInFile += rows
      length += rows
    }
    if (startInFile !== Number(metadata.num_rows))
      throw new FileError(
        source.name,
        `it says ${metadata.num_rows} rows, its row groups hold ${startInFile}; the file is damaged`,
      )
  }
  const starts = Float64Array.from(groups, ({ start }) => start)
  const kept = new LRUCache<number, Promise<Rows>>({ maxSize: Math.max(1, bufferBytes) })
  let last: { group: number; rows: Promise<Rows> } | undefined

  function rowsOf(group: number): Promise<Rows> {
    const held = last?.group === group ? last.rows : kept.get(group)
    const rows = held ?? decode(groups[group]!, columns)
    last = { group, rows }
    if (!held) {
      kept.set(group, rows, { size: Math.max(1, groups[group]!.bytes) })
      rows.catch(() => {
        kept.delete(group)
        if (last?.rows === rows) last = undefined
      })
    }
    return rows
  }

  return {
    length,
    columns: columns ?? available,
    groups: groups.map(({ rows }) => rows),
    async row(index) {
      if (!Number.isInteger(index) || index < 0 || index >= length)
        throw new ArgumentError(`row ${index} is outside the table's ${length} rows`)
      const group = lastAtMost(starts, index)
      const { file, start, startInFile } = groups[group]!
      const rows = await rowsOf(group).catch((error: Error) => {
        throw new FileError(file.source.name, `row ${startInFile + index - start} cannot be read: ${error.message}`, {
          cause: error,
        })
      })
      return rows[index - start]!
    },
    async close() {
      for (const { source } of files) await source.close()
    },
  }
}

async function openFile(source: ByteSource): Promise<OpenFile> {
  const buffer = bufferOf(source)
  const metadata = await parquetMetadataAsync(buffer).catch((error: Error) => {
    throw new FileError(source.name, `this is no parquet file: ${error.message}`, { cause: error })
  })
  return { source, buffer, metadata }
}

function decode({ file, startInFile, rows }: Group, columns: readonly string[] | undefined): Promise<Rows> {
  return parquetReadObjects({
    file: file.buffer,
    metadata: file.metadata,
    compressors,
    // Binary columns stay bytes; text columns declare themselves as UTF-8.
    utf8: false,
    rowStart: startInFile,
    rowEnd: startInFile + rows,
    ...(columns && { columns: [...columns] }),
  })
}

function columnsOf(metadata: FileMetaData): string[] {
  return parquetSchema(metadata).children.map(({ element }) => element.name)
}

function bufferOf(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.size,
    async slice(begin, end = source.size) {
      const bytes = await source.read(begin < 0 ? source.size + begin : begin, Math.min(end, source.size))
      return bytes.buffer.byteLength === bytes.byteLength ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer)
    },
  }
}
