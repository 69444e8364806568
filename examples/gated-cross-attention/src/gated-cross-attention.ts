/**
 * Gated cross-attention (Alayrac et al. 2022, Flamingo, arXiv 2204.14198, section 2.2): before a block's self-attention,
 *
 *   x = x + tanh(a) · MHA(norm x | image tokens)         a and b start at 0, so that a new model equals its language model
 *   x = x + tanh(b) · down(gelu(up(norm x)))
 *
 * Text sees the images right before it, and none that came earlier (section 2.3). Differences from the paper: RMS norms, and as many
 * heads as the backbone has. In front of it, a Q-Former (`compressor_config`) does what Flamingo's Perceiver Resampler does.
 *
 * T text tokens, N image tokens, D width, H query heads, K KV heads, E head size, F width of the feed-forward half.
 */
import { planWindows } from '@casa-js/casa'
import { CasaError, Fields } from '@casa-js/base'
import {
  defineFusion,
  textPositions,
  type Backbone,
  type Fusion,
  type FusionState,
  type Fuse,
  type Layout,
  type Params,
} from '@casa-js/core'
import { add, attention, concat, gelu, linear, multiply, reshape, rmsNorm, slice, tanh, type Tensor } from '@casa-js/tensor'

export interface GatedConfig {
  /** In front of blocks n, 2n, 3n.. (counted from 1). */
  every: number
  /** F as a multiple of D. */
  widening: number
}

/** The keys and values of the images that text currently sees, [N,K,E] per layer; no tensors before the first image. */
type GatedState = FusionState<{ imageTokens: number }>

const eps = 1e-6
const isActive = ({ every }: GatedConfig, layer: number) => (layer + 1) % every === 0
const at = (layer: number, name: string) => `gated.layers.${layer}.${name}`

/** The hook over one pass: text of this layout, images of this pass, and the images that an earlier pass left. */
function createHook(
  config: GatedConfig,
  params: Params,
  backbone: Backbone,
  layout: Layout,
  images?: Tensor,
  state?: GatedState,
) {
  const { heads: H, kvHeads: K, headSize: E } = backbone
  const { cuText, cuImage } = planWindows(layout, 1)
  const weight = (layer: number, name: string): Tensor => {
    const found = params[at(layer, name)]
    if (!found) throw new CasaError(`gated-cross-attention: weight ${at(layer, name)} was not given`)
    return found
  }
  const held = state?.values.imageTokens ?? 0
  // Text before this pass's first image still sees the images of the previous pass.
  const continues = held > 0 && cuImage[1] === 0
  const cuKeys = continues ? cuImage.map((end, window) => (window === 0 ? 0 : held + end)) : cuImage
  const nothingToSee = !images && !continues
  const tensors: Record<string, Tensor> = {}

  function look(x: Tensor, layer: number): Tensor {
    const dense = (name: string, rows: Tensor, count: number) =>
      reshape(linear(rows, weight(layer, `${name}.weight`)), [rows.shape[0]!, count, E])
    const keysOf = (name: 'k' | 'v') => {
      const earlier = continues ? [state!.tensors[`${name}.${layer}`]!] : []
      const fresh = images ? [dense(`${name}_proj`, images, K)] : []
      const all = concat([...earlier, ...fresh], 0)
      // What the last window sees is what comes after this pass.
      const [begin, end] = [cuKeys.at(-2)!, cuKeys.at(-1)!]
      tensors[`${name}.${layer}`] = slice(all, [begin, 0, 0], [end - begin, K, E])
      return all
    }
    const q = dense('q_proj', rmsNorm(x, weight(layer, 'norm.weight'), { eps }), H)
    const seen = attention(q, keysOf('k'), keysOf('v'), { cuQ: cuText, cuK: cuKeys, causal: false })
    return linear(reshape(seen, [x.shape[0]!, H * E]), weight(layer, 'o_proj.weight'))
  }

  function think(x: Tensor, layer: number): Tensor {
    const normed = rmsNorm(x, weight(layer, 'mlp_norm.weight'), { eps })
    return linear(
      gelu(linear(normed, weight(layer, 'up_proj.weight')), { approximate: 'none' }),
      weight(layer, 'down_proj.weight'),
    )
  }

  const fuse: Fuse = (x, site) => {
    let h = x
    if (isActive(config, site.layer)) {
      const gate = (name: string) => tanh(weight(site.layer, name))
      if (!nothingToSee) h = add(h, multiply(look(h, site.layer), gate('attention_gate')))
      h = add(h, multiply(think(h, site.layer), gate('mlp_gate')))
    }
    return add(h, site.attend(site.norm(h)))
  }
  const next = (): GatedState => (nothingToSee ? state! : { values: { imageTokens: cuKeys.at(-1)! - cuKeys.at(-2)! }, tensors })
  return { fuse, next }
}

export const gatedCrossAttention = defineFusion<GatedConfig>({
  kind: 'gated-cross-attention',
  parseConfig(json, path = 'config.json: fusion_config') {
    const f = new Fields(json, path)
    return { every: f.integer('every', { fallback: 1 }), widening: f.integer('widening', { fallback: 4 }) }
  },
  tensors(config, { layers, width: D, heads: H, kvHeads: K, headSize: E }) {
    const F = config.widening * D
    return Array.from({ length: layers }, (_, layer) => layer)
      .filter((layer) => isActive(config, layer))
      .flatMap((layer) => [
        { name: at(layer, 'norm.weight'), shape: [D], init: { kind: 'ones' } as const },
        { name: at(layer, 'q_proj.weight'), shape: [H * E, D], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'k_proj.weight'), shape: [K * E, D], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'v_proj.weight'), shape: [K * E, D], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'o_proj.weight'), shape: [D, H * E], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'attention_gate'), shape: [1], init: { kind: 'zeros' } as const },
        { name: at(layer, 'mlp_norm.weight'), shape: [D], init: { kind: 'ones' } as const },
        { name: at(layer, 'up_proj.weight'), shape: [F, D], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'down_proj.weight'), shape: [D, F], init: { kind: 'fanIn' } as const },
        { name: at(layer, 'mlp_gate'), shape: [1], init: { kind: 'zeros' } as const },
      ])
  },
  bind(config, params, backbone): Fusion<GatedState> {
    return {
      imagesInCache: false,
      pass: (layout, images) => ({
        count: layout.tokens,
        cu: layout.cu,
        positions: textPositions(layout),
        fuse: createHook(config, params, backbone, layout, images).fuse,
      }),
      start: () => ({ values: { imageTokens: 0 }, tensors: {} }),
      next: (state, { layout, images, cached }) => ({
        count: layout.tokens,
        cu: layout.cu,
        positions: Int32Array.from({ length: layout.tokens }, (_, t) => cached + t),
        ...createHook(config, params, backbone, layout, images, state),
      }),
    }
  },
})
