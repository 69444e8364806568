/** Finds a benchmark's parquet files: in a folder, on a server, on the Hugging Face hub, or named one by one. */
import { FileError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import { openParquet, type ParquetTable } from '@casa-js/data'
import { findFiles, type FoundFile } from '@casa-js/data/internal'
import type { ByteSource, HttpOptions } from '@casa-js/weights'
import { benchmarkSources, type BenchmarkSource } from './columns.ts'
import type { BenchmarkName } from './row.ts'
import { benchmarkRows, type BenchmarkRows } from './rows.ts'

export interface OpenBenchmarkOptions extends HttpOptions {
  /**
   * Parquet files, folders that hold them, addresses of files (https://..), or a repository of the hub ("hub:owner/name", or
   * "hub:owner/name@revision"). Without any: the benchmark's own repository on the hub.
   */
  data?: readonly string[]
  /** Image file -> pixels. */
  decode(bytes: Uint8Array): Promise<RgbImage>
  /** Another hub. Default https://huggingface.co. */
  hubUrl?: string
}

/**
 * Opens a benchmark. Tables are read by ranges: only the row groups that are asked for travel.
 *
 * @throws FileError when there is no parquet file of the benchmark's split, or one lacks a column
 */
export async function openBenchmark(
  benchmark: BenchmarkName,
  options: OpenBenchmarkOptions,
): Promise<BenchmarkRows & { close(): Promise<void> }> {
  const source = benchmarkSources[benchmark]
  const data = options.data?.length ? options.data : [`hub:${source.repository}`]
  const found = (await Promise.all(data.map((address) => findFiles(address, '.parquet', options)))).flat()
  if (found.length === 0) throw new FileError(data.join(', '), 'there is no parquet file')
  const name = data.join(' ')
  const questions = await openTable(splitFiles(found, source.split, source.config), source.columns)
  let images: ParquetTable | undefined
  try {
    if (source.images)
      images = await openTable(imageFiles(found, source.images.config, source.split), [source.images.key, 'image'])
    const rows = await benchmarkRows(benchmark, { name, questions, images, decode: options.decode })
    const close = async (): Promise<void> => {
      await questions.close()
      await images?.close()
    }
    return { ...rows, close }
  } catch (error) {
    await questions.close()
    await images?.close()
    throw error
  }
}

async function openTable(files: readonly FoundFile[], columns: BenchmarkSource['columns']): Promise<ParquetTable> {
  const sources: ByteSource[] = []
  try {
    for (const file of files) sources.push(await file.open())
    return await openParquet(sources, { columns })
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()))
    throw error
  }
}

/** Files of the split, within its folder where there is one; all files where none is named like a split. */
function splitFiles(found: readonly FoundFile[], split: string, config: string | undefined): readonly FoundFile[] {
  const inConfig = config === undefined ? [] : found.filter(({ path }) => path.split('/').includes(config))
  const pool = inConfig.length > 0 ? inConfig : found
  const named = pool.filter(({ path }) => new RegExp(`^${split}[-.]`).test(path.split('/').at(-1)!))
  return named.length > 0 ? named : pool
}

function imageFiles(found: readonly FoundFile[], config: string, split: string): readonly FoundFile[] {
  const files = found.filter(({ path }) => path.split('/').includes(config))
  if (files.length === 0)
    throw new FileError(
      config,
      `its parquet files hold the pictures, and are missing among ${found.map(({ path }) => path).join(', ')}`,
    )
  return splitFiles(files, split, config)
}
