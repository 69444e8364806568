/**
 * A KV cache of fixed capacity, written in place.
 *
 * A cache that grows by concatenation leaves one buffer per length in the GPU's pool; this one allocates once. Attention is given
 * the number of valid rows, so nothing is sliced or copied per token either.
 */
import { dispose, keep, writeRows, zeros, type Tensor } from '@casa-js/tensor'
import { StateError } from '@casa-js/base'
import type { KvCache } from '@casa-js/core'

/** The part of a decoder's config that its cache depends on. */
export interface CacheShape {
  layers: number
  /** K */
  kvHeads: number
  /** E */
  headSize: number
}

/**
 * An empty cache of zeros: 2 * layers tensors of [capacity, K, E] in float32. Its owner disposes it.
 * @param capacityTokens most tokens that it will hold; `append` throws a StateError beyond
 */
export function createKvCache({ layers, kvHeads, headSize }: CacheShape, capacityTokens: number): KvCache {
  const allocate = () => keep(zeros([capacityTokens, kvHeads, headSize]))
  const keys: Tensor[] = Array.from({ length: layers }, allocate)
  const values: Tensor[] = Array.from({ length: layers }, allocate)
  return {
    capacityTokens,
    length: 0,
    append(layer, k, v) {
      const end = this.length + k.shape[0]!
      if (end > capacityTokens) {
        throw new StateError(
          `the KV cache holds ${capacityTokens} tokens and ${end} are needed: create it with a larger capacity`,
        )
      }
      writeRows(keys[layer]!, k, this.length)
      writeRows(values[layer]!, v, this.length)
      return { k: keys[layer]!, v: values[layer]! }
    },
    layer: (index) => ({ k: keys[index]!, v: values[index]! }),
    truncate(tokens) {
      if (tokens > this.length) throw new StateError(`cannot truncate a cache of ${this.length} tokens to ${tokens}`)
      this.length = tokens
    },
    dispose() {
      dispose(...keys, ...values)
    },
  }
}
