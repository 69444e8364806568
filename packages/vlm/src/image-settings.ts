/**
 * The image settings of a model folder's processor config: preprocessor_config.json, or processor_config.json with an
 * `image_processor` in it, as newer folders have it. Names are those of transformers.
 */
import { Fields } from '@casa-js/core'

const names = ['min_pixels', 'max_pixels', 'size', 'image_mean', 'image_std'] as const

/**
 * The settings that a vision family reads, checked one by one; those that are null or absent are left out.
 * @throws ConfigError naming the field of the processor config.
 */
export function imageSettings(processor: unknown): Record<string, unknown> {
  if (processor === undefined) return {}
  const top = new Fields(processor, 'processor_config.json')
  const f = top.has('image_processor') ? top.object('image_processor') : top
  for (const name of ['min_pixels', 'max_pixels']) if (f.has(name)) f.integer(name)
  for (const name of ['image_mean', 'image_std']) if (f.has(name)) f.numbers(name, { length: 3 })
  const size = f.object('size', { optional: true })
  for (const name of ['shortest_edge', 'longest_edge']) if (size.has(name)) size.integer(name)
  return Object.fromEntries(names.filter((name) => f.has(name)).map((name) => [name, f.raw(name)]))
}
