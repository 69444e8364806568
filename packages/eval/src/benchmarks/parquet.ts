/** Rows of parquet files by number, read by ranges: of a table on a server only the row groups that are asked for travel. */
import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { ArgumentError, FileError } from '@casa-js/base'
import type { ByteSource } from '@casa-js/weights'

export interface ParquetTable {
  /** Rows of all files. */
  readonly length: number
  /** Names of the top columns. */
  readonly columns: readonly string[]
  /** One row. Binary columns are Uint8Array, a struct of an image is { bytes, path }. */
  row(index: number): Promise<Record<string, unknown>>
  close(): Promise<void>
}

interface OpenFile {
  source: ByteSource
  buffer: AsyncBuffer
  metadata: FileMetaData
  /** Number of its first row in the table. */
  start: number
  rows: number
}

/** Rows of one row group kept in memory: reading single rows would decode their whole group each time. */
interface Group {
  file: OpenFile
  /** Number of its first row in the file. */
  start: number
  rows: Promise<Record<string, unknown>[]>
}

/**
 * Opens files of one table, in the order given.
 *
 * @param columns read these alone; all unless given
 * @throws FileError naming the file that is not a parquet file, or lacks a column
 */
export async function openParquet(sources: readonly ByteSource[], columns?: readonly string[]): Promise<ParquetTable> {
  const files: OpenFile[] = []
  let length = 0
  for (const source of sources) {
    const buffer = bufferOf(source)
    const metadata = await parquetMetadataAsync(buffer).catch((error: Error) => {
      throw new FileError(source.name, `this is no parquet file: ${error.message}`, { cause: error })
    })
    const rows = Number(metadata.num_rows)
    files.push({ source, buffer, metadata, start: length, rows })
    length += rows
    const names = columnsOf(metadata)
    const missing = columns?.find((column) => !names.includes(column))
    if (missing !== undefined) throw new FileError(source.name, `there is no column "${missing}"; there are ${names.join(', ')}`)
  }
  let group: Group | undefined

  function groupOf(file: OpenFile, row: number): Group {
    let start = 0
    for (const { num_rows } of file.metadata.row_groups) {
      const end = start + Number(num_rows)
      if (row < end) {
        const { buffer, metadata } = file
        const rows = parquetReadObjects({
          file: buffer,
          metadata,
          compressors,
          // Binary columns stay bytes; text columns declare themselves as UTF-8.
          utf8: false,
          rowStart: start,
          rowEnd: end,
          ...(columns && { columns: [...columns] }),
        })
        return { file, start, rows }
      }
      start = end
    }
    throw new FileError(file.source.name, `row ${row} is in none of its row groups; the file is damaged`)
  }

  return {
    length,
    columns: columns ?? (files[0] ? columnsOf(files[0].metadata) : []),
    async row(index) {
      const file = files.findLast(({ start }) => start <= index)
      const row = index - (file?.start ?? 0)
      if (!file || !Number.isInteger(index) || index < 0 || row >= file.rows)
        throw new ArgumentError(`row ${index} is outside the table's ${length} rows`)
      let held = group
      if (!held || held.file !== file || row < held.start || row >= held.start + (await held.rows).length) {
        held = group = groupOf(file, row)
      }
      const rows = await held.rows.catch((error: Error) => {
        throw new FileError(file.source.name, `row ${row} cannot be read: ${error.message}`, { cause: error })
      })
      return rows[row - held.start]!
    },
    async close() {
      for (const { source } of files) await source.close()
    },
  }
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
