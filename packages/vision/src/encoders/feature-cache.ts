/** A cache of image features, so that an image used twice is encoded once. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { CasaError } from '@casa-js/base'
import { type Patches, type VisionEncoder } from '@casa-js/core'
import { concat, dispose, keep, scope, slice, type Tensor } from '@casa-js/tensor'

/** Default capacity in image tokens: 16 of the largest images in CASA's training. */
const defaultCapacityTokens = 16 * 1024

export interface FeatureCacheOptions {
  /** Largest number of image tokens cached; the least recently used images are evicted first. */
  capacityTokens?: number
}

export interface CachedEncoder extends VisionEncoder {
  /** Image tokens in the cache now. */
  readonly tokensHeld: number
  /** Cache hits and misses since it was created. */
  readonly found: number
  readonly encoded: number
  /** Free all cached features. The cache may be used again. */
  dispose(): void
}

/**
 * Wraps an encoder with a cache of features, keyed by the SHA-256 of an image's patches. For frozen weights: cached features carry no
 * gradient. `encode` returns new tensors, which the caller disposes as usual.
 */
export function cacheFeatures(
  encoder: VisionEncoder,
  { capacityTokens = defaultCapacityTokens }: FeatureCacheOptions = {},
): CachedEncoder {
  /** Features [tokens, outputWidth] by key; least recently used first. */
  const known = new Map<string, Tensor>()
  let found = 0
  let encoded = 0
  const tokensHeld = () => [...known.values()].reduce((sum, features) => sum + features.shape[0], 0)

  function learn(fresh: Map<string, Patches>): void {
    const images = [...fresh.values()]
    scope(() => {
      const features = encoder.encode(images)
      let at = 0
      for (const [key, { grid }] of fresh) {
        const tokens = encoder.tokens(grid)
        known.set(key, keep(slice(features, [at, 0], [tokens, encoder.outputWidth])))
        at += tokens
      }
    })
    encoded += images.length
  }

  function forgetOldest(): void {
    for (const [key, features] of known) {
      if (tokensHeld() <= capacityTokens) return
      known.delete(key)
      dispose(features)
    }
  }

  function encode(images: Patches[]): Tensor {
    if (images.length === 0) throw new CasaError(`${encoder.modelType}: no image to encode`)
    const keys = images.map(keyOf)
    const fresh = new Map(keys.map((key, i) => [key, images[i]!] as const).filter(([key]) => !known.has(key)))
    found += images.length - fresh.size
    if (fresh.size > 0) learn(fresh)
    const features = keys.map((key) => known.get(key)!)
    for (const [i, key] of keys.entries()) {
      known.delete(key)
      known.set(key, features[i]!)
    }
    const packed = concat(features, 0)
    forgetOldest()
    return packed
  }

  return {
    modelType: encoder.modelType,
    outputWidth: encoder.outputWidth,
    tokens: (grid) => encoder.tokens(grid),
    outputGrid: (grid) => encoder.outputGrid(grid),
    encode,
    get tokensHeld() {
      return tokensHeld()
    },
    get found() {
      return found
    },
    get encoded() {
      return encoded
    },
    dispose() {
      dispose(...known.values())
      known.clear()
    },
  }
}

function keyOf({ values, grid }: Patches): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return `${grid.rows}x${grid.columns}:${bytesToHex(sha256(bytes))}`
}
