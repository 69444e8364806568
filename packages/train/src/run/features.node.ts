/**
 * Image features of an encoder that does not train, from a cache on disk: each picture is encoded once, not once per epoch, run or worker.
 *
 * A picture is encoded by itself, never beside others, so that its features do not depend on the batch it came in, and a run gives the same
 * bytes whether they were found or not. Keys hold what features depend on: patches, weights, settings, device.
 */
import { createHash, type Hash } from 'node:crypto'
import { ConfigError } from '@casa-js/base'
import type { Patches } from '@casa-js/core'
import { createFeatureCache, type Features } from '@casa-js/data'
import { dispose, keep, report, scope } from '@casa-js/tensor'
import type { VlmModel } from '@casa-js/vlm'
import { encoderTensors } from '@casa-js/vlm/internal'
import type { FeatureCacheDefinition } from './define.ts'
import type { FeatureSource } from './vlm-program.ts'

/** 10 GB. */
const defaultMaxBytes = 10e9

/**
 * Opens the cache of a run.
 *
 * @param isFrozen whether a weight, by name, does not train
 * @throws ConfigError when the model has no encoder, or one of its weights trains; FileError when the folder cannot be used
 */
export async function openFeatures(
  model: VlmModel,
  { folder, maxBytes = defaultMaxBytes, dtype }: FeatureCacheDefinition,
  isFrozen: (name: string) => boolean,
  warn: (message: string) => void,
): Promise<FeatureSource> {
  const names = encoderTensors(model.config).map(({ name }) => name)
  if (names.length === 0) throw new ConfigError('featureCache', 'the model has no vision encoder: leave it out')
  const trains = names.find((name) => !isFrozen(name))
  if (trains !== undefined)
    throw new ConfigError(
      'featureCache',
      `the encoder's features change as it trains (${trains}): freeze it, or leave the cache out`,
    )
  const cache = await createFeatureCache({ folder, maxBytes, dtype, onWarning: warn })
  const encoder = await hashOfEncoder(model, names)

  async function one(patches: Patches): Promise<Features> {
    const key = keyOf(patches, encoder)
    return (await cache.get(key)) ?? cache.put(key, await encode(model, patches))
  }

  return {
    async of(pictures) {
      const features: Features[] = []
      for (const patches of pictures) features.push(await one(patches))
      return features
    },
    stats: () => cache.stats(),
  }
}

async function encode(model: VlmModel, patches: Patches): Promise<Features> {
  const tokens = scope(() => keep(model.encodeImages([patches])))
  try {
    return { shape: tokens.shape, values: await tokens.data<'float32'>() }
  } finally {
    dispose(tokens)
  }
}

/** Weights, settings, and the device, whose arithmetic rounds in its own way. */
async function hashOfEncoder(model: VlmModel, names: readonly string[]): Promise<string> {
  const { vision_config, compressor_config } = model.config.json
  const hash = createHash('sha256').update(JSON.stringify([report().device, vision_config, compressor_config]))
  for (const name of names) {
    hash.update(name)
    addValues(hash, await model.params[name]!.data())
  }
  return hash.digest('hex')
}

function keyOf({ values, grid, valuesPerPatch }: Patches, encoder: string): string {
  const hash = createHash('sha256').update(`${encoder} ${grid.rows} ${grid.columns} ${valuesPerPatch} `)
  addValues(hash, values)
  return hash.digest('hex')
}

function addValues(hash: Hash, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  hash.update(new Uint8Array(buffer, byteOffset, byteLength))
}
