/**
 * Q-Former compression: a few learned queries attend to an image's tokens and replace them (Li et al. 2023, BLIP-2, arXiv 2301.12597;
 * the paper's cheaper insertion baseline, with 32 or 128 queries).
 *
 *   x = queries [Q, D] of every image
 *   each layer:  x += SA(norm x);  x += MHA(norm x | image tokens);  x += MLP(norm x)
 *   tokens = norm x, Q of them, for an image of any size
 *
 * It wraps an encoder and is an encoder itself, so it works with insertion, cross-attention and CASA. Differences from BLIP-2: RMS
 * norms and SwiGLU as in the models around it, and cross-attention in every layer.
 */
import { Fields, type Params, type Patches, type TensorTable, type VisionEncoder } from '@casa-js/core'
import { add, attention, gatedLinear, gatherRows, linear, reshape, rmsNorm, scope, type Tensor } from '@casa-js/tensor'

export interface QFormerConfig {
  /** Tokens per image. */
  queries: number
  layers: number
  heads: number
  /** D: the encoder's output width, and its own. */
  width: number
  /** Width of the feed-forward layer. */
  intermediateSize: number
}

const eps = 1e-6
const prefix = 'compressor.'

/**
 * Reads `compressor_config` of a model folder.
 * @param width D: the encoder's output width
 * @throws ConfigError naming the field and what was expected
 */
export function parseQFormerConfig(json: unknown, width: number, path = 'config.json: compressor_config'): QFormerConfig {
  const f = new Fields(json, path)
  f.oneOf('kind', ['q-former'])
  const heads = f.integer('num_heads')
  f.require(width % heads === 0, 'num_heads', `expected a divisor of the encoder's output width ${width}`)
  return {
    queries: f.integer('num_queries', { fallback: 32 }),
    layers: f.integer('num_layers', { fallback: 2 }),
    heads,
    width,
    intermediateSize: f.integer('intermediate_size', { fallback: 4 * width }),
  }
}

/** Every weight of the compressor: [Q, D] queries, and for each layer norms [D], projections [D, D], feed-forward [F, D]. */
export function qFormerTensors({ queries, layers, width: D, intermediateSize: F }: QFormerConfig): TensorTable {
  const table: TensorTable = [{ name: prefix + 'queries', shape: [queries, D], init: { kind: 'normal', std: 1 } }]
  const dense = (name: string, out: number, inner: number) =>
    table.push({ name: `${prefix}${name}.weight`, shape: [out, inner], init: { kind: 'fanIn' } })
  const norm = (name: string) => table.push({ name: `${prefix}${name}.weight`, shape: [D], init: { kind: 'ones' } })
  for (let i = 0; i < layers; i++) {
    for (const part of ['self_attn', 'cross_attn']) {
      norm(`layers.${i}.${part}_norm`)
      for (const projection of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) dense(`layers.${i}.${part}.${projection}`, D, D)
    }
    norm(`layers.${i}.mlp_norm`)
    dense(`layers.${i}.mlp.gate_proj`, F, D)
    dense(`layers.${i}.mlp.up_proj`, F, D)
    dense(`layers.${i}.mlp.down_proj`, D, F)
  }
  norm('norm')
  return table
}

/** Wraps an encoder so that every image becomes `queries` tokens. */
export function withQFormer(config: QFormerConfig, params: Params, encoder: VisionEncoder): VisionEncoder {
  const { queries: Q, layers, heads: H, width: D } = config
  const weightOf = (name: string) => ({ weight: params[`${prefix}${name}.weight`]! })
  const dense = (name: string, x: Tensor) => linear(x, weightOf(name).weight)
  const norm = (name: string, x: Tensor) => rmsNorm(x, params[`${prefix}${name}.weight`]!, { eps })
  const split = (x: Tensor) => reshape(x, [x.shape[0], H, D / H])

  function attend(at: string, x: Tensor, keys: Tensor, cuQ: Int32Array, cuK: Int32Array): Tensor {
    const heads = attention(
      split(dense(at + '.q_proj', x)),
      split(dense(at + '.k_proj', keys)),
      split(dense(at + '.v_proj', keys)),
      { cuQ, cuK, causal: false },
    )
    return dense(at + '.o_proj', reshape(heads, [x.shape[0], D]))
  }

  function compress(tokens: Tensor, cuImage: Int32Array): Tensor {
    const images = cuImage.length - 1
    const cuQ = Int32Array.from({ length: images + 1 }, (_, i) => i * Q)
    let x = gatherRows(
      params[prefix + 'queries']!,
      Int32Array.from({ length: images * Q }, (_, i) => i % Q),
    )
    for (let i = 0; i < layers; i++) {
      const at = `layers.${i}.`
      const own = norm(at + 'self_attn_norm', x)
      x = add(x, attend(at + 'self_attn', own, own, cuQ, cuQ))
      x = add(x, attend(at + 'cross_attn', norm(at + 'cross_attn_norm', x), tokens, cuQ, cuImage))
      const n = norm(at + 'mlp_norm', x)
      x = add(x, dense(at + 'mlp.down_proj', gatedLinear(n, weightOf(at + 'mlp.gate_proj'), weightOf(at + 'mlp.up_proj'))))
    }
    return norm('norm', x)
  }

  const boundaries = (images: Patches[]) => {
    const cu = new Int32Array(images.length + 1)
    images.forEach(({ grid }, i) => (cu[i + 1] = cu[i]! + encoder.tokens(grid)))
    return cu
  }
  return {
    modelType: encoder.modelType,
    outputWidth: D,
    tokens: () => Q,
    outputGrid: () => ({ rows: 1, columns: Q }),
    encode: (images) => scope(() => compress(encoder.encode(images), boundaries(images))),
  }
}
