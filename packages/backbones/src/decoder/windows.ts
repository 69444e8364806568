/** Sliding windows of a config: by layer, the most keys that a token sees. */
import type { Fields } from '@casa-js/base'

/** How a family's configs say which layers have sliding windows. */
export interface WindowRule {
  /** The field that switches windows on; if the family has none, they are on unless sliding_window is null. */
  switch?: 'use_sliding_window'
  /** The family's default window, if the config has no sliding_window. */
  fallback?: number
  /** Layers with sliding windows if the config has no layer_types. */
  slides(layer: number, f: Fields): boolean
}

const kinds = ['full_attention', 'sliding_attention']

/**
 * By layer: the window, Infinity for a layer without one; undefined if no layer has one.
 * @throws ConfigError for a window that the family does not have, or layer_types of another kind
 */
export function parseWindows(f: Fields, layers: number, rule: WindowRule | undefined): number[] | undefined {
  const named = f.has('layer_types') ? f.strings('layer_types') : undefined
  if (named) {
    f.require(
      named.length === layers && named.every((kind) => kinds.includes(kind)),
      'layer_types',
      `expected ${kinds.map((kind) => `"${kind}"`).join(' or ')} for each of ${layers} layers`,
    )
  }
  const asked = f.has('use_sliding_window') ? f.boolean('use_sliding_window') : undefined
  const window = slidingWindow(f, rule, asked)
  if (window === undefined) {
    f.require(!named?.includes('sliding_attention'), 'layer_types', 'sliding layers need a sliding_window that is switched on')
    return undefined
  }
  const slides = named?.map((kind) => kind === 'sliding_attention')
  const windows = Array.from({ length: layers }, (_, i) => ((slides?.[i] ?? rule!.slides(i, f)) ? window : Infinity))
  return windows.every((w) => w === Infinity) ? undefined : windows
}

function slidingWindow(f: Fields, rule: WindowRule | undefined, asked: boolean | undefined): number | undefined {
  if (!rule) {
    f.require(asked !== true, 'use_sliding_window', 'this family has no sliding windows')
    f.require(asked === false || !f.has('sliding_window'), 'sliding_window', 'this family has no sliding windows; expected null')
    return undefined
  }
  if (rule.switch ? !asked : asked === false) return undefined
  if (f.has('sliding_window')) return f.integer('sliding_window')
  return f.isNull('sliding_window') ? undefined : rule.fallback
}
