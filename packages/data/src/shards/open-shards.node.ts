/** Opens sharded data, in tar or parquet files, on disk or on servers. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ArgumentError, FileError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import { fileSource, type ByteSource, type HttpOptions } from '@casa-js/weights'
import { createGate } from '../gate.ts'
import { findFiles } from './find-files.node.ts'
import { openParquet } from './parquet.ts'
import { chooseColumns, parquetDataset, type ParquetColumns } from './parquet-dataset.ts'
import { isAddress, rangedFiles, type RangedFile } from './ranged-files.node.ts'
import { offsetsFile, parseOffsets, parseShardList, SHARD_LIST, type ListedShard } from './shard-list.ts'
import type { ShardedDataset } from './sharded-dataset.ts'
import { tarDataset, type TarShard } from './tar-dataset.ts'
import { findSamples } from './tar-index.ts'

export interface OpenShardsOptions extends HttpOptions {
  /**
   * Where the shards are, one place or several: a folder, the address of a folder that holds shards.json (https://../), tar or parquet
   * files, or parquet files on the hub ("hub:owner/name"). `{000..099}` in a path or an address stands for 100 of them.
   */
  shards: string | readonly string[]
  /** Examples that are shuffled among one another: more mix better, and take more memory. Default 1,000. */
  buffer?: number | undefined
  /** Bytes of files that are kept in memory: of those on servers, and of decoded parquet. Default 256 MiB. */
  bufferBytes?: number | undefined
  /** What is asked about a picture that has a caption only (tar). */
  question?: string | undefined
  /** Names of columns (parquet). */
  columns?: ParquetColumns | undefined
  /** Image file -> pixels, e.g. `decodeImage` of @casa-js/vision. */
  decode(bytes: Uint8Array): Promise<RgbImage>
}

/** Pictures decoded at once, as for single files. */
const decodedAtOnce = 2
/** Files on servers that are opened at once. */
const openedAtOnce = 8

/**
 * Opens sharded data. Memory does not grow with the number of examples; the order of an epoch is shuffled by shards and within a buffer (see
 * order.ts), and a part, of a worker or a micro-batch, reads its own shards only.
 *
 * `get` throws BrokenExampleError for a sample whose row or picture is bad, which batches may skip, and FileError, with shard and byte, for
 * a shard that is corrupt.
 *
 * @throws FileError when there are no shards, or one is cut off or of the wrong kind; ConfigError for a bad shards.json or a missing column
 */
export async function openShards(options: OpenShardsOptions): Promise<ShardedDataset> {
  const { buffer = 1000, bufferBytes = 256 * 2 ** 20, question, columns = {}, ...http } = options
  const places = (typeof options.shards === 'string' ? [options.shards] : options.shards).flatMap(expandBraces)
  if (places.length === 0) throw new ArgumentError('shards: name at least one place')
  const gate = createGate(decodedAtOnce)
  const decode = (bytes: Uint8Array): Promise<RgbImage> => gate(() => options.decode(bytes))
  const name = basename(places[0]!.replace(/\/(shards\.json)?$/, ''))
  const sources = (await Promise.all(places.map((place) => parquetAt(place, http)))).flat()
  if (sources.length > 0) {
    try {
      let chosen: ParquetColumns = {}
      const choose = (available: readonly string[]): string[] => {
        chosen = chooseColumns(columns, available, name)
        return Object.values(chosen)
      }
      const table = await openParquet(sources, { bufferBytes, columns: choose })
      const fingerprint = hashOf(sources.map((source) => [basename(source.name), source.size]))
      return parquetDataset({ name, fingerprint, table, columns: chosen, buffer, decode })
    } catch (error) {
      await Promise.all(sources.map((source) => source.close()))
      throw error
    }
  }
  const files = rangedFiles(bufferBytes, http)
  const shards = (await Promise.all(places.map((place) => tarsAt(place, (address) => files.at(address))))).flat()
  if (shards.every(({ examples }) => examples === 0)) throw new FileError(places.join(', '), 'the shards hold no sample')
  const fingerprint = hashOf(shards.map(({ file, bytes, examples }) => [basename(file.name), bytes, examples]))
  return tarDataset({ name, fingerprint, shards, buffer, question, decode })
}

/** "a-{000..002}.tar" -> "a-000.tar", "a-001.tar", "a-002.tar", as shells and WebDataset expand it. */
function expandBraces(place: string): string[] {
  const found = /^(.*?)\{(\d+)\.\.(\d+)\}(.*)$/.exec(place)
  if (!found) return [place]
  const [before = '', first = '', last = '', after = ''] = found.slice(1)
  const count = Number(last) - Number(first) + 1
  if (!(count >= 1)) throw new ArgumentError(`shards: {${first}..${last}} in ${place} names nothing`)
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, '0')).flatMap((number) =>
    expandBraces(`${before}${number}${after}`),
  )
}

/** Parquet files at a place, opened; none where the place is not of parquet. */
async function parquetAt(place: string, http: HttpOptions): Promise<ByteSource[]> {
  if (place.endsWith('.tar') || place.endsWith(SHARD_LIST) || (isAddress(place) && !place.endsWith('.parquet'))) return []
  const found = await findFiles(place, '.parquet', http)
  if (found.length === 0 && place.startsWith('hub:')) throw new FileError(place, 'the dataset holds no parquet files')
  const gate = createGate(openedAtOnce)
  return Promise.all(found.map((file) => gate(() => file.open())))
}

type FileAt = (address: string) => RangedFile

/** Tar shards at a place: as its shards.json lists them, or, on disk, as the headers of every shard tell. */
async function tarsAt(place: string, at: FileAt): Promise<TarShard[]> {
  if (place.endsWith(SHARD_LIST)) return listedAt(place.slice(0, -SHARD_LIST.length), at)
  if (isAddress(place)) {
    if (!place.endsWith('.tar')) return listedAt(place.endsWith('/') ? place : `${place}/`, at)
    throw new FileError(
      place,
      `a shard on a server is found by its ${SHARD_LIST}: run \`casa data index\` where the shards lie, and name their folder`,
    )
  }
  if (place.endsWith('.tar')) return [await scannedShard(at(place))]
  const names = await readdir(place)
  if (names.includes(SHARD_LIST)) return listedAt(`${place}/`, at)
  const tars = names.filter((name) => name.endsWith('.tar')).sort()
  if (tars.length === 0) throw new FileError(place, 'there are no shards in it: neither .tar nor .parquet')
  const shards: TarShard[] = []
  for (const tar of tars) shards.push(await scannedShard(at(join(place, tar))))
  return shards
}

/** @param folder with a slash at the end */
async function listedAt(folder: string, at: FileAt): Promise<TarShard[]> {
  const list = `${folder}${SHARD_LIST}`
  return parseShardList(await textOf(at(list)), list).map((listed) => {
    const file = at(`${folder}${listed.file}`)
    return { ...listed, file, bounds: () => readBounds(file, at(`${folder}${offsetsFile(listed.file)}`), listed) }
  })
}

async function readBounds(file: RangedFile, offsets: RangedFile, listed: ListedShard): Promise<Float64Array> {
  const bytes = await file.size()
  if (bytes !== listed.bytes)
    throw new FileError(
      file.name,
      `it has ${bytes} bytes, ${SHARD_LIST} says ${listed.bytes}: it is cut off or was changed; make or download it again`,
    )
  return parseOffsets(await textOf(offsets), offsets.name, listed)
}

async function scannedShard(file: RangedFile): Promise<TarShard> {
  const scan = async (): Promise<{ bounds: Float64Array; bytes: number }> => {
    const source = await fileSource(file.name)
    try {
      const { offsets, end } = await findSamples(source)
      return { bounds: Float64Array.from([...offsets, end]), bytes: source.size }
    } finally {
      await source.close()
    }
  }
  const { bounds, bytes } = await scan()
  return { file, bytes, examples: bounds.length - 1, bounds: async () => (await scan()).bounds }
}

async function textOf(file: RangedFile): Promise<string> {
  return new TextDecoder().decode(await file.read(0, await file.size()))
}

function hashOf(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}
