/** The weights of a model folder, in whichever form it holds them. */
import type { FolderSource } from '../bytes/folder.ts'
import { withQuantized } from '../quantize/quantized-source.ts'
import { refuse } from '../refuse.ts'
import { folderAt, type AddressOptions } from '../remote/address.ts'
import { openShards } from '../safetensors/shards.ts'
import { Safetensors, type TensorSource } from '../safetensors/reader.ts'

/** The weights alone: model.safetensors, or the files that model.safetensors.index.json names. Quantised tensors appear as one. */
export async function openWeights(folder: string | FolderSource, options: AddressOptions = {}): Promise<TensorSource> {
  const source = await openStored(await asSource(folder, options), options.signal)
  try {
    return withQuantized(source)
  } catch (error) {
    await source.close()
    throw error
  }
}

/** The weights as they are stored: of a quantised tensor its two parts. */
export async function openStored(folder: FolderSource, signal?: AbortSignal): Promise<TensorSource> {
  if (folder.openWeights) return folder.openWeights(signal)
  const single = await folder.open('model.safetensors', signal)
  if (single) return Safetensors.open(single, signal)
  const index = await folder.open('model.safetensors.index.json', signal)
  if (!index) return refuse(folder.name, 'missing', 'neither model.safetensors nor model.safetensors.index.json is there')
  try {
    return await openShards(folder, index, signal)
  } finally {
    await index.close()
  }
}

/** A folder as given: a path, an address or a repository as `folderAt` takes them, or a FolderSource. */
export async function asSource(folder: string | FolderSource, options: AddressOptions): Promise<FolderSource> {
  return typeof folder === 'string' ? folderAt(folder, options) : folder
}
