/** The config of a CASA layer: the ablation axes of arXiv 2512.19535 v2 (D1 shared, D2 keys, D3 replace, D4.1 FFN updates). */
import { Fields } from '@casa-js/core'

export interface CasaConfig {
  /** What a text query attends to: the image and its window's text (CASA), or the image only (plain cross-attention). */
  keys: 'image+text' | 'image'
  /**
   * Rotate queries and keys by their positions in the window. CASA does, cross-attention does not (section 2): turned on for keys
   * 'image', it tells what the text keys are worth apart from the positions.
   */
  rotary: boolean
  /** Beside self-attention on the same normed input, before it, or instead of it. */
  place: 'parallel' | 'before' | 'replace'
  /** Only in blocks n, 2n, 3n.. (counted from 1). */
  every: number
  /** Use the block's own projections: no new parameters. */
  shared: boolean
  /** Image tokens go through the block's input norm before keys and values. */
  normImages: boolean
  /** Image tokens go through every block's feed-forward layer. */
  ffnUpdates: boolean
  /**
   * Text without an image is a window of its own, in which it attends to itself (section 3). Turned off, the layer adds nothing there: without
   * pictures the model is exactly its backbone.
   */
  textWindows: boolean
  /**
   * Where a window begins: at its image, so that the marker tokens before it still see the previous image; or at those marker tokens.
   * A model's config says which it was trained with.
   */
  windows: 'at-image' | 'with-marks'
}

/**
 * Parses the CASA config.
 * @param json `fusion_config` of a model folder. `norm_images` defaults to the value of `shared`.
 * @throws ConfigError naming the field and what was expected
 */
export function parseCasaConfig(json: unknown, path = 'config.json: fusion_config'): CasaConfig {
  const f = new Fields(json, path)
  const shared = f.boolean('shared', false)
  const keys = f.oneOf('keys', ['image+text', 'image'], 'image+text')
  const rotary = f.boolean('rotary', keys === 'image+text')
  f.require(rotary || keys === 'image', 'rotary', "text among the keys needs positions: leave it out, or take keys 'image'")
  return {
    keys,
    rotary,
    place: f.oneOf('place', ['parallel', 'before', 'replace'], 'parallel'),
    every: f.integer('every', { fallback: 1 }),
    shared,
    normImages: f.boolean('norm_images', shared),
    ffnUpdates: f.boolean('ffn_updates', false),
    textWindows: f.boolean('text_windows', true),
    windows: f.oneOf('windows', ['at-image', 'with-marks'], 'at-image'),
  }
}

/** Whether a block, counted from 0, has the layer. */
export const isActive = (config: CasaConfig, layer: number): boolean => (layer + 1) % config.every === 0
