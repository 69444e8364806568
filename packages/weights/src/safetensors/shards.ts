/**
 * A checkpoint cut into several safetensors files beside a model.safetensors.index.json, which says which file holds each tensor.
 * All headers are read at once and compared with the index in both directions; tensors are read when asked for.
 */
import type { FolderSource } from '../bytes/folder.ts'
import { readText, type ByteSource } from '../bytes/source.ts'
import { textLimitBytes } from '../folder/limits.ts'
import { refuse } from '../refuse.ts'
import type { Dtype } from './dtypes.ts'
import { JsonCursor, JsonFault } from './json-cursor.ts'
import { Safetensors, type TensorSource } from './reader.ts'

/** The index, by tensor: the file that it lies in. @throws WeightError. */
export function parseShardIndex(file: string, text: string): Map<string, string> {
  const cursor = new JsonCursor(text)
  const files = new Map<string, string>()
  let found = false
  try {
    cursor.object('the index', (key) => {
      if (key !== 'weight_map') return cursor.skipValue(key)
      found = true
      cursor.object('weight_map', (tensor) => {
        const shard = cursor.string(`the file of ${JSON.stringify(tensor)}`)
        if (!/^[^/\\:\p{Cc}]+\.safetensors$/u.test(shard))
          refuse(file, 'index', `${JSON.stringify(shard)} is not the name of a file beside the index`, tensor)
        files.set(tensor, shard)
      })
    })
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    return refuse(file, error.rule, error.message)
  }
  if (/[^ \t\r\n]/.test(text.slice(cursor.at))) refuse(file, 'json', 'something follows the index object')
  if (!found) refuse(file, 'index', 'weight_map is missing')
  return files
}

/**
 * Opens all shards of a checkpoint as one source; their headers are read, no values.
 * @param folder that the shards lie in
 * @param index its model.safetensors.index.json
 * @throws WeightError when a shard is missing or broken, or holds other tensors than the index says.
 */
export async function openShards(folder: FolderSource, index: ByteSource, signal?: AbortSignal): Promise<TensorSource> {
  const files = parseShardIndex(index.name, await readText(index, signal, textLimitBytes(index.name)))
  const shards = new Map<string, Safetensors>()
  try {
    for (const shard of new Set(files.values())) {
      const source = await folder.open(shard, signal)
      if (!source) return refuse(index.name, 'missing', `the index names ${shard}, but there is no such file in ${folder.name}`)
      shards.set(shard, await Safetensors.open(source, signal))
    }
    compare(index.name, files, shards)
  } catch (error) {
    await closeAll(shards)
    throw error
  }
  return new ShardedSource(folder.name, files, shards)
}

function compare(indexName: string, files: Map<string, string>, shards: Map<string, Safetensors>): void {
  const faults: string[] = []
  for (const [tensor, file] of files) {
    if (!shards.get(file)!.entries().has(tensor)) faults.push(`${tensor}: the index places it in ${file}, which does not hold it`)
  }
  for (const [file, shard] of shards) {
    for (const tensor of shard.entries().keys()) {
      if (files.get(tensor) === file) continue
      faults.push(
        `${tensor}: ${file} holds it, the index ${files.has(tensor) ? `places it in ${files.get(tensor)}` : 'does not name it'}`,
      )
    }
  }
  if (faults.length === 0) return
  const shown = faults
    .slice(0, 20)
    .map((fault) => `\n  ${fault}`)
    .join('')
  refuse(
    indexName,
    'index',
    `the index and its files differ in ${faults.length} places:${shown}${faults.length > 20 ? '\n  ..' : ''}`,
  )
}

class ShardedSource implements TensorSource {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  private readonly files: Map<string, string>
  private readonly shards: Map<string, Safetensors>

  constructor(name: string, files: Map<string, string>, shards: Map<string, Safetensors>) {
    this.name = name
    this.files = files
    this.shards = shards
    this.metadata = Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata))
  }

  entries(): Map<string, { shape: number[]; dtype: Dtype }> {
    return new Map([...this.shards.values()].flatMap((shard) => [...shard.entries()]))
  }

  read(name: string, signal?: AbortSignal): Promise<Float32Array> {
    return this.shard(name).read(name, signal)
  }

  readInt32(name: string, signal?: AbortSignal): Promise<Int32Array> {
    return this.shard(name).readInt32(name, signal)
  }

  readCompressed(name: string, signal?: AbortSignal): Promise<Int32Array> {
    return this.shard(name).readCompressed(name, signal)
  }

  readBytes(name: string, range?: { begin: number; end: number }, signal?: AbortSignal): Promise<Uint8Array> {
    return this.shard(name).readBytes(name, range, signal)
  }

  close(): Promise<void> {
    return closeAll(this.shards)
  }

  private shard(name: string): Safetensors {
    const file = this.files.get(name)
    return file === undefined ? refuse(this.name, 'missing', 'there is no such tensor', name) : this.shards.get(file)!
  }
}

async function closeAll(shards: Map<string, Safetensors>): Promise<void> {
  await Promise.all([...shards.values()].map((shard) => shard.close()))
}
