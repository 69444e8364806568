/** A dataset of conversations in tar shards. Memory does not grow with the number of examples: of few shards the offsets are kept. */
import { LRUCache } from 'lru-cache'
import { CasaError, FileError } from '@casa-js/base'
import type { Example, Message, RgbImage } from '@casa-js/core'
import { BrokenExampleError } from '../broken-example.ts'
import { rowOf } from './sample-row.ts'
import { shardedDataset, type ShardedDataset } from './sharded-dataset.ts'
import { lastAtMost, startsOf } from './order.ts'
import { unpackSample, type TarSample } from './tar.ts'
import type { RangedFile } from './ranged-files.node.ts'

/** One shard: how many samples it holds, and how to find where they begin. */
export interface TarShard {
  file: RangedFile
  bytes: number
  examples: number
  /** Bounds of its samples, one more than there are. */
  bounds(): Promise<Float64Array>
}

export interface TarDatasetOptions {
  name: string
  fingerprint: string
  shards: readonly TarShard[]
  buffer: number
  question: string | undefined
  decode(bytes: Uint8Array): Promise<RgbImage>
}

/** Shards whose bounds are kept: those that a window touches, and the ones being prefetched. */
const keptBounds = 32

export function tarDataset(options: TarDatasetOptions): ShardedDataset {
  const { shards, question, decode } = options
  const starts = startsOf(shards.map(({ examples }) => ({ count: examples })))
  const bounds = new LRUCache<number, Promise<Float64Array>>({ max: keptBounds })

  function boundsOf(index: number): Promise<Float64Array> {
    const held = bounds.get(index)
    if (held) return held
    const loading = shards[index]!.bounds()
    bounds.set(index, loading)
    loading.catch(() => bounds.delete(index))
    return loading
  }

  async function read(index: number): Promise<Example> {
    const shard = lastAtMost(starts, index)
    const { file } = shards[shard]!
    const ends = await boundsOf(shard)
    const [begin, end] = [ends[index - starts[shard]!]!, ends[index - starts[shard]! + 1]!]
    const bytes = await file.read(begin, end).catch((error: Error) => {
      throw new FileError(file.name, `the sample at byte ${begin} cannot be read: ${error.message}`, { cause: error })
    })
    return exampleOf(await unpackSample(bytes, file.name, begin), `${file.name}, byte ${begin}`)
  }

  async function exampleOf(sample: TarSample, where: string): Promise<Example> {
    try {
      const { id, task, messages } = rowOf(sample, question)
      const loaded = messages.map(async ({ role, content }): Promise<Message> => {
        const parts = content.map(async (part) =>
          part.type === 'text' ? part : { type: 'image' as const, image: await decode(pictureOf(sample, part.image)) },
        )
        return { role, content: await Promise.all(parts) }
      })
      return { id: id ?? sample.key, task: task ?? 'default', messages: await Promise.all(loaded) }
    } catch (error) {
      throw new BrokenExampleError(`${where}, sample ${sample.key}: ${(error as Error).message}`, { cause: error })
    }
  }

  const pieces = shards.map(({ examples }, shard) => ({ start: starts[shard]!, count: examples }))
  return shardedDataset({ ...options, pieces, read, close: async () => bounds.clear() })
}

function pictureOf({ files }: TarSample, extension: string): Uint8Array {
  const bytes = files.get(extension)
  if (!bytes) throw new CasaError(`the row asks for the picture ${extension}; the sample holds ${[...files.keys()].join(', ')}`)
  return bytes
}
