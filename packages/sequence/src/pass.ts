/** One pass over all blocks of a backbone, with a fusion's hook. */
import type { Backbone, FusionPass, KvCache, Step } from '@casa-js/core'
import { block, gatherRows, slice, type Tensor } from '@casa-js/tensor'

/** Receives a block's output, [R, D]. */
export type LayerTap = (layer: number, x: Tensor) => void

/** Run all blocks over rows [R, D]; the cache counts the rows after the last block. -> [R, D] */
export function runLayers(
  backbone: Backbone,
  x: Tensor,
  step: Step,
  { fuse, carriesState = false }: Pick<FusionPass, 'fuse' | 'carriesState'> = {},
  tap?: LayerTap,
): Tensor {
  let h = x
  for (let layer = 0; layer < backbone.layers; layer++) {
    const input = h
    const run = () => backbone.layer(layer, input, step, fuse)
    // A cache is written in place, so a block that has one runs once.
    h = carriesState || step.cache ? run() : block(run)
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
  const out = runLayers(backbone, pass.rows?.(text) ?? text, step, pass, tap)
  if (last) {
    const row = pass.textRows ? pass.textRows[ids.length - 1]! : ids.length - 1
    return backbone.finalNorm(out.shape[0] === 1 ? out : slice(out, [row, 0], [1, backbone.width]))
  }
  return backbone.finalNorm(pass.textRows ? gatherRows(out, pass.textRows) : out)
}
