/** The identity of one tensor: a hash over its dtype, shape and bytes, in the form in which its file holds them. */
import { createHasher } from '#platform'
import type { TensorSource } from '../safetensors/reader.ts'

/**
 * SHA-256 of a tensor, 64 hex digits. The same values in another dtype, or quantised, give another hash: an adapter was trained beside
 * exactly these.
 */
export async function hashTensor(source: TensorSource, name: string, signal?: AbortSignal): Promise<string> {
  const { dtype, shape } = source.entries().get(name)!
  const hasher = createHasher('sha256')
  hasher.update(new TextEncoder().encode(`${dtype} ${shape.join(' ')}\n`))
  hasher.update(await source.readBytes(name, undefined, signal))
  return hasher.hex()
}
