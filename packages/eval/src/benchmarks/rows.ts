/** A benchmark's rows out of its parquet tables. */
import { FileError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import type { ParquetTable } from '@casa-js/data'
import { benchmarkSources, decodeCell } from './columns.ts'
import type { BenchmarkName, BenchmarkRow } from './row.ts'

export interface BenchmarkRows {
  /** Recorded with the results. */
  readonly name: string
  readonly length: number
  get(index: number): Promise<BenchmarkRow>
}

export interface BenchmarkTables {
  /** Recorded with the results, e.g. the address that the table came from. */
  name: string
  questions: ParquetTable
  /** Where the benchmark keeps its pictures in a table of their own (GQA). */
  images?: ParquetTable | undefined
  /** Image file -> pixels. */
  decode(bytes: Uint8Array): Promise<RgbImage>
}

/**
 * Rows of a benchmark; pictures are decoded as rows are asked for.
 *
 * @throws FileError naming row and column, from `get` or, for the table of pictures, at once
 */
export async function benchmarkRows(benchmark: BenchmarkName, tables: BenchmarkTables): Promise<BenchmarkRows> {
  const source = benchmarkSources[benchmark]
  const { name, questions, images, decode } = tables
  const pictureAt = source.images && images ? await indexImages(images, source.images.key) : undefined
  if (source.images && !pictureAt)
    throw new FileError(name, `${benchmark} keeps its pictures in a table of their own, ${source.images.config}: it is missing`)
  return {
    name,
    length: questions.length,
    async get(index) {
      const cells = await questions.row(index)
      const where = `${name}, row ${index}`
      try {
        const { id = String(index), ...row } = source.row(cells)
        const cell = pictureAt ? await pictureAt(String(cells[source.images!.by])) : cells.image
        return { ...row, id, images: [await decodeCell(cell, decode, where)] }
      } catch (error) {
        throw FileError.isInstance(error) ? new FileError(where, error.message, { cause: error }) : error
      }
    },
  }
}

async function indexImages(table: ParquetTable, key: string): Promise<(id: string) => Promise<unknown>> {
  const rows = new Map<string, number>()
  for (let row = 0; row < table.length; row++) rows.set(String((await table.row(row))[key]), row)
  return async (id) => {
    const row = rows.get(id)
    if (row === undefined) throw new FileError(id, 'the table of pictures has none of this name')
    return (await table.row(row)).image
  }
}
