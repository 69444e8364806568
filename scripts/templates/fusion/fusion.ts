/**
 * __kind__: plain cross-attention with the block's own projections, after its self-attention. Say here what is unusual about yours.
 * Source: the paper's arXiv number and section.
 *
 *   x = x + SA(norm x);   x = x + MHA(norm x | image tokens)
 *
 * Text sees the images right before it, and none that came earlier.
 */
import {
  defineFusion,
  Fields,
  textPositions,
  type Backbone,
  type Fuse,
  type Fusion,
  type FusionState,
  type Layout,
} from '@casa-js/core'
import { add, attention, concat, gatherRows, slice, type Tensor } from '@casa-js/tensor'
import { planWindows } from './windows.ts'

export interface __Name__Config {
  /** After blocks n, 2n, 3n.. (counted from 1). */
  every: number
}

/** Keys and values of the images that text sees now, [N,K,E] a layer. Whoever runs the passes keeps and frees them. */
type __Name__State = FusionState<{ imageTokens: number }>

/** The hook over one pass, and what it leaves: text sees this pass's images, or those that the pass before left. */
function createHook(
  { every }: __Name__Config,
  { kvHeads: K, headSize: E }: Backbone,
  layout: Layout,
  images?: Tensor,
  state?: __Name__State,
): { fuse: Fuse; next(): __Name__State } {
  const { cuText, cuImage } = planWindows(layout, 1)
  const held = state?.values.imageTokens ?? 0
  const continues = held > 0 && cuImage[1] === 0
  const cuKeys = continues ? cuImage.map((end, window) => (window === 0 ? 0 : held + end)) : cuImage
  const nothingToSee = !images && !continues
  const tensors: Record<string, Tensor> = {}
  /** Text that sees an image; -1 where there is nothing to see: not even the output's bias is added there. */
  const seeing = Int32Array.from({ length: layout.tokens }, (_, t) => {
    const window = cuText.findLastIndex((begin) => begin <= t)
    return cuKeys[window] === cuKeys[window + 1] ? -1 : t
  })

  const fuse: Fuse = (x, site) => {
    const h = add(x, site.attend(site.norm(x)))
    if (nothingToSee || (site.layer + 1) % every !== 0) return h
    const fresh = images && site.projectKeys(site.norm(images))
    const keysOf = (name: 'k' | 'v') => {
      const all = concat([...(continues ? [state!.tensors[`${name}.${site.layer}`]!] : []), ...(fresh ? [fresh[name]] : [])], 0)
      const [begin, end] = [cuKeys.at(-2)!, cuKeys.at(-1)!]
      tensors[`${name}.${site.layer}`] = slice(all, [begin, 0, 0], [end - begin, K, E])
      return all
    }
    const { q } = site.project(site.norm(h))
    const heads = attention(q, keysOf('k'), keysOf('v'), { cuQ: cuText, cuK: cuKeys, causal: false })
    return add(h, gatherRows(site.output(heads), seeing))
  }
  const next = () => (nothingToSee ? state! : { values: { imageTokens: cuKeys.at(-1)! - cuKeys.at(-2)! }, tensors })
  return { fuse, next }
}

export const __identifier__ = defineFusion<__Name__Config>({
  kind: '__kind__',
  // A setting that is not implemented must be refused by its name (`Fields.require`): to ignore it is to be silently wrong.
  parseConfig: (json, path = 'config.json: fusion_config') => ({
    every: new Fields(json, path).integer('every', { fallback: 1 }),
  }),
  // Weights of your own: names, shapes, and how they start. `bind` finds them in `params`.
  tensors: () => [],
  bind: (config, _params, backbone): Fusion<__Name__State> => ({
    imagesInCache: false,
    pass: (layout, images) => ({
      count: layout.tokens,
      cu: layout.cu,
      positions: textPositions(layout),
      fuse: createHook(config, backbone, layout, images).fuse,
    }),
    start: () => ({ values: { imageTokens: 0 }, tensors: {} }),
    next: (state, { layout, images, cached }) => ({
      count: layout.tokens,
      cu: layout.cu,
      positions: Int32Array.from({ length: layout.tokens }, (_, t) => cached + t),
      ...createHook(config, backbone, layout, images, state),
    }),
  }),
})
