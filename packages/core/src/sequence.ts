/**
 * One growing sequence of text and images: the text's KV cache and the fusion's state, moved together and only here.
 *
 * A pass that throws leaves everything as it was: the cache counts rows only when all blocks have run, and states are values.
 * `transaction` does the same for several passes.
 */
import { CasaError } from '@casa-js/base'
import { dispose, gatherRows, keep, scope, slice, type Tensor } from '@casa-js/tensor'
import type { Backbone, KvCache, Step } from './backbone.ts'
import type { Fusion, FusionPass, FusionState, ImageSlot, Layout } from './fusion.ts'

/** Sees a block's output, [R, D]. */
export type LayerTap = (layer: number, x: Tensor) => void

/** Run all blocks over rows [R, D]; a cache counts them when the last block is done. -> [R, D] */
export function runLayers(backbone: Backbone, x: Tensor, step: Step, fuse?: FusionPass['fuse'], tap?: LayerTap): Tensor {
  let h = x
  for (let layer = 0; layer < backbone.layers; layer++) {
    h = backbone.layer(layer, h, step, fuse)
    tap?.(layer, h)
  }
  if (step.cache) step.cache.length += step.tokens
  return h
}

/** Run a fusion's pass: text ids [T] -> final hidden states of the text [T, D], after the last norm. Allocates: run it in a scope. */
export function runPass(
  backbone: Backbone,
  ids: Int32Array,
  pass: FusionPass,
  { cache, tap, last = false }: { cache?: KvCache; tap?: LayerTap; last?: boolean } = {},
): Tensor {
  const text = backbone.embed(ids)
  const step: Step = { tokens: pass.count, cu: pass.cu, rotary: backbone.rotary(pass.positions), ...(cache && { cache }) }
  const out = runLayers(backbone, pass.rows?.(text) ?? text, step, pass.fuse, tap)
  if (last) {
    const row = pass.textRows ? pass.textRows[ids.length - 1]! : ids.length - 1
    return backbone.finalNorm(slice(out, [row, 0], [1, backbone.width]))
  }
  return backbone.finalNorm(pass.textRows ? gatherRows(out, pass.textRows) : out)
}

/** Positions of packed text: 0, 1, 2.. in every sample. */
export function textPositions({ tokens, cu }: Pick<Layout, 'tokens' | 'cu'>): Int32Array {
  const positions = new Int32Array(tokens)
  for (let sample = 0; sample + 1 < cu.length; sample++) {
    for (let t = cu[sample]!; t < cu[sample + 1]!; t++) positions[t] = t - cu[sample]!
  }
  return positions
}

/** What comes next in a sequence. */
export interface SequenceInput {
  /** At least one text token. */
  ids: Int32Array
  /** Images among them; `sample` is 0. */
  slots?: ImageSlot[]
  /** Their tokens, [sum of tokens, D], in the order of the slots. */
  images?: Tensor
}

export interface Sequence {
  readonly backbone: Backbone
  readonly capacityTokens: number
  /** Tokens in the cache. */
  readonly tokens: number
  /** What the fusion remembers. */
  readonly state: FusionState
  /** Cache tokens that this input would take. */
  cost(input: Omit<SequenceInput, 'images'>): number
  /**
   * Run the next piece and move on. Returns the final hidden states of its text, [T, D], or of its last token, [1, D]: kept, the
   * caller disposes them.
   * @throws CasaError when the piece does not fit; then nothing has changed.
   */
  advance(input: SequenceInput, options?: { last?: boolean }): Tensor
  /** Several passes, all or none: when `f` throws, the sequence is what it was before. One at a time. */
  transaction<T>(f: () => Promise<T>): Promise<T>
  /**
   * Forget all but the first `tokens`, and every image.
   * @throws CasaError when images stand in the cache, or there are fewer tokens.
   */
  truncate(tokens: number): void
  dispose(): void
}

/**
 * An empty sequence.
 * @param options.capacityTokens most tokens that it will hold: text, and image tokens where the fusion keeps them in the cache
 */
export function createSequence(backbone: Backbone, fusion: Fusion, { capacityTokens }: { capacityTokens: number }): Sequence {
  const cache = backbone.createCache(capacityTokens)
  let state = fusion.start()
  /** States that a transaction may go back to. */
  let saved: FusionState | undefined

  /** Free the tensors of `old` that neither `state` nor a saved state holds. */
  function release(old: FusionState) {
    const held = new Set([state, ...(saved ? [saved] : [])].flatMap(({ tensors }) => Object.values(tensors)))
    dispose(...Object.values(old.tensors).filter((t) => !held.has(t)))
  }

  function moveTo(next: FusionState) {
    const old = state
    state = next
    release(old)
  }

  const layoutOf = (tokens: number, images: ImageSlot[] = []): Layout => ({ tokens, cu: Int32Array.of(0, tokens), images })
  const cost = ({ ids, slots = [] }: Omit<SequenceInput, 'images'>) =>
    ids.length + (fusion.imagesInCache ? slots.reduce((sum, { tokens }) => sum + tokens, 0) : 0)

  return {
    backbone,
    capacityTokens,
    get tokens() {
      return cache.length
    },
    get state() {
      return state
    },
    cost,
    advance(input, { last = false } = {}) {
      const { ids, slots, images } = input
      const needed = cache.length + cost(input)
      if (ids.length === 0) throw new CasaError('a sequence goes on with at least one token')
      if (needed > capacityTokens)
        throw new CasaError(`the sequence needs ${needed} tokens and holds ${capacityTokens}: raise capacityTokens`)
      const before = cache.length
      let next: FusionState | undefined
      try {
        const hidden = scope(() => {
          const pass = fusion.next(state, { layout: layoutOf(ids.length, slots), ...(images && { images }), cached: before })
          const result = runPass(backbone, ids, pass, { cache, last })
          next = pass.next()
          for (const t of Object.values(next.tensors)) keep(t)
          return keep(result)
        })
        moveTo(next!)
        return hidden
      } catch (error) {
        cache.truncate(before)
        throw error
      }
    },
    async transaction(f) {
      if (saved) throw new CasaError('this sequence is in a transaction already: wait for it to end')
      const before = cache.length
      saved = state
      try {
        return await f()
      } catch (error) {
        cache.truncate(before)
        moveTo(saved)
        throw error
      } finally {
        const old = saved
        saved = undefined
        release(old)
      }
    },
    truncate(tokens) {
      if (fusion.imagesInCache)
        throw new CasaError('this fusion keeps images in the cache, so its text cannot be cut: start anew')
      cache.truncate(tokens)
      moveTo(fusion.start())
    },
    dispose() {
      cache.dispose()
      dispose(...Object.values(state.tensors))
    },
  }
}
