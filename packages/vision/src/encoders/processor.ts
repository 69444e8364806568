/** Settings of an image processor, which published models store in preprocessor_config.json. */
import { Fields } from '@casa-js/core'
import { clipStd, clipMean } from '../patchify.ts'

/** Smaller images are enlarged to min_pixels: above 16 million (4096 x 4096) a thumbnail would exhaust memory. */
const largestMinPixels = 2 ** 24

export interface ProcessorConfig {
  /** Bounds on the area of an image, in pixels. */
  minPixels: number
  maxPixels: number
  /** Per channel (red, green, blue), on the scale of 0..1. */
  mean: number[]
  std: number[]
}

/**
 * Read image_mean, image_std, min_pixels and max_pixels (or size.shortest_edge and size.longest_edge, as newer files call
 * the same bounds).
 * @throws ConfigError naming the field.
 */
export function parseProcessor(f: Fields, defaults: Pick<ProcessorConfig, 'minPixels' | 'maxPixels'>): ProcessorConfig {
  const size = f.object('size', { optional: true })
  const least = { max: largestMinPixels }
  const minPixels = f.integer('min_pixels', {
    ...least,
    fallback: size.integer('shortest_edge', { ...least, fallback: defaults.minPixels }),
  })
  const maxPixels = f.integer('max_pixels', { fallback: size.integer('longest_edge', { fallback: defaults.maxPixels }) })
  f.require(minPixels <= maxPixels, 'max_pixels', `expected at least min_pixels = ${minPixels}`)
  const std = f.numbers('image_std', { length: 3, fallback: clipStd })
  f.require(
    std.every((d) => d > 0),
    'image_std',
    'expected three numbers above 0',
  )
  return { minPixels, maxPixels, mean: f.numbers('image_mean', { length: 3, fallback: clipMean }), std }
}

/**
 * The config of an encoder: config.json's vision_config, with the processor's settings added; or the json itself if it already is
 * that object.
 */
export function visionFields(json: unknown): Fields {
  const top = new Fields(json, 'config.json')
  if (!top.has('vision_config')) return top
  top.object('vision_config')
  const beside = ['min_pixels', 'max_pixels', 'size', 'image_mean', 'image_std']
  const shared = Object.fromEntries(beside.filter((name) => top.has(name)).map((name) => [name, top.raw(name)]))
  return new Fields({ ...shared, ...(top.raw('vision_config') as object) }, 'config.json: vision_config')
}
