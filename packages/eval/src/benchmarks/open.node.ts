/** Finds a benchmark's parquet files: in a folder, on a server, on the Hugging Face hub, or named one by one. */
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { FileError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import { openHttp } from '@casa-js/weights/internal'
import { fileSource, type ByteSource, type HttpOptions } from '@casa-js/weights'
import { benchmarkSources, type BenchmarkSource } from './columns.ts'
import { openParquet, type ParquetTable } from './parquet.ts'
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

/** A parquet file and where it lies within its folder or repository. */
interface Found {
  /** With forward slashes, e.g. "DocVQA/validation-00000-of-00006.parquet". */
  path: string
  open(): Promise<ByteSource>
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
  const found = (await Promise.all(data.map((address) => findFiles(address, options)))).flat()
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

async function openTable(files: readonly Found[], columns: BenchmarkSource['columns']): Promise<ParquetTable> {
  const sources: ByteSource[] = []
  try {
    for (const file of files) sources.push(await file.open())
    return await openParquet(sources, columns)
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()))
    throw error
  }
}

/** Files of the split, within its folder where there is one; all files where none is named like a split. */
function splitFiles(found: readonly Found[], split: string, config: string | undefined): readonly Found[] {
  const inConfig = config === undefined ? [] : found.filter(({ path }) => path.split('/').includes(config))
  const pool = inConfig.length > 0 ? inConfig : found
  const named = pool.filter(({ path }) => new RegExp(`^${split}[-.]`).test(path.split('/').at(-1)!))
  return named.length > 0 ? named : pool
}

function imageFiles(found: readonly Found[], config: string, split: string): readonly Found[] {
  const files = found.filter(({ path }) => path.split('/').includes(config))
  if (files.length === 0)
    throw new FileError(
      config,
      `its parquet files hold the pictures, and are missing among ${found.map(({ path }) => path).join(', ')}`,
    )
  return splitFiles(files, split, config)
}

async function findFiles(address: string, options: OpenBenchmarkOptions): Promise<Found[]> {
  if (address.startsWith('hub:')) return findOnHub(address.slice('hub:'.length), options)
  if (/^https?:/.test(address)) return [remote(new URL(address).pathname.slice(1), address, options)]
  const found = await stat(address).catch((error: Error) => {
    throw new FileError(address, `cannot be read: ${error.message}`, { cause: error })
  })
  if (!found.isDirectory()) return [{ path: address.split(sep).join('/'), open: () => fileSource(address) }]
  const entries = await readdir(address, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.parquet'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ path: relative(address, file).split(sep).join('/'), open: () => fileSource(file) }))
}

async function findOnHub(name: string, options: OpenBenchmarkOptions): Promise<Found[]> {
  const { hubUrl = 'https://huggingface.co', fetch: get = fetch, headers } = options
  const [repository, revision = 'main'] = name.split('@') as [string, string?]
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new FileError(`hub:${name}`, 'expected hub:owner/name')
  const paths: string[] = []
  let next: string | undefined = `${hubUrl}/api/datasets/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`
  while (next) {
    const answer: Response = await get(next, { ...(headers && { headers }) }).catch((error: Error) => {
      throw new FileError(`hub:${name}`, `the hub cannot be reached: ${error.message}`, { cause: error })
    })
    if (!answer.ok)
      throw new FileError(`hub:${name}`, `the hub answers ${answer.status}: is it the name of a dataset, and public?`)
    const entries = (await answer.json()) as { type?: string; path?: string }[]
    for (const { type, path } of entries) if (type === 'file' && path?.endsWith('.parquet')) paths.push(path)
    next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  const urlOf = (path: string): string =>
    `${hubUrl}/datasets/${repository}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`
  return paths.sort().map((path) => remote(path, urlOf(path), options))
}

function remote(path: string, url: string, options: HttpOptions): Found {
  return {
    path,
    async open() {
      const source = await openHttp(url, options)
      if (!source) throw new FileError(url, 'there is no such file')
      return source
    },
  }
}
