/**
 * The pre-norm decoder that the Llama line of models shares: RMS norm, rotary grouped-query attention, SwiGLU.
 *
 *   x = fuse(x)                 default: x + attention(norm x)
 *   x = x + down(silu(gate n) * up n),  n = norm x
 *
 * A family says how its checkpoint names things and what differs; everything else is here once.
 */
import { add, attention, embedding, linear, reshape, rmsNorm, rope, ropeTable, swiglu, type Tensor } from '@casa-js/tensor'
import type { Backbone, Fuse, Positions, Site, Step } from '../backbone.ts'
import { CasaError } from '@casa-js/base'
import type { Init, Params, TensorSpec, TensorTable } from '../table.ts'
import { createKvCache } from './kv-cache.ts'

export interface DecoderConfig {
  modelType: string
  layers: number
  /** D */
  width: number
  /** Width of the feed-forward half. */
  intermediateSize: number
  /** H */
  heads: number
  /** K */
  kvHeads: number
  /** E */
  headSize: number
  /** V */
  vocabSize: number
  normEps: number
  ropeTheta: number
  ropeLayout: 'half' | 'interleaved'
  /** Pairs of a head that turn with (time, height, width); absent: one position a token. */
  ropeSections?: number[] | undefined
  biases: { qkv: boolean; output: boolean; feedForward: boolean }
  tiedEmbeddings: boolean
  /** The padding token: its embedding is read but never learns, as in PyTorch's `padding_idx`. */
  padToken?: number | undefined
  maxPositions: number
}

/** Checkpoint names under which this line stores its weights. `aliases` are prefixes that replace "model.". */
export interface DecoderNames {
  prefix: string
  head: string
  aliases?: { prefix: string; head: string }[]
}

export const llamaNames: DecoderNames = { prefix: 'model.', head: 'lm_head.weight' }

const fanIn: Init = { kind: 'fanIn' }
/** Layers that write into the residual stream start small, by their number, or what the first tokens say drowns (GPT-2's rule). */
const residual = (layers: number): Init => ({ kind: 'fanIn', gain: 1 / Math.sqrt(2 * layers) })
const ones: Init = { kind: 'ones' }
const zeros: Init = { kind: 'zeros' }

/** Every weight, in checkpoint order. Linear layers are [out, in]. */
export function decoderTensors(c: DecoderConfig, names: DecoderNames): TensorTable {
  const { width: D, intermediateSize: F, heads: H, kvHeads: K, headSize: E, vocabSize: V } = c
  const named = (suffix: string, shape: number[], init: Init): TensorSpec => ({
    name: names.prefix + suffix,
    shape,
    init,
    ...(names.aliases && { aliases: names.aliases.map((alias) => alias.prefix + suffix) }),
  })
  const table: TensorTable = [named('embed_tokens.weight', [V, D], { kind: 'normal', std: 1 / Math.sqrt(D) })]
  const dense = (name: string, out: number, inner: number, bias: boolean, init = fanIn) => {
    table.push(named(name + '.weight', [out, inner], init))
    if (bias) table.push(named(name + '.bias', [out], zeros))
  }
  for (let i = 0; i < c.layers; i++) {
    const at = `layers.${i}.`
    table.push(named(at + 'input_layernorm.weight', [D], ones))
    dense(at + 'self_attn.q_proj', H * E, D, c.biases.qkv)
    dense(at + 'self_attn.k_proj', K * E, D, c.biases.qkv)
    dense(at + 'self_attn.v_proj', K * E, D, c.biases.qkv)
    dense(at + 'self_attn.o_proj', D, H * E, c.biases.output, residual(c.layers))
    table.push(named(at + 'post_attention_layernorm.weight', [D], ones))
    dense(at + 'mlp.gate_proj', F, D, c.biases.feedForward)
    dense(at + 'mlp.up_proj', F, D, c.biases.feedForward)
    dense(at + 'mlp.down_proj', D, F, c.biases.feedForward, residual(c.layers))
  }
  table.push(named('norm.weight', [D], ones))
  if (!c.tiedEmbeddings) {
    const aliases = names.aliases?.map((alias) => alias.head)
    table.push({ name: names.head, shape: [V, D], init: fanIn, ...(aliases && { aliases }) })
  }
  return table
}

/**
 * @param refine changes the attention half of every block where a family differs: norms of the heads, layers without positions.
 *   What it returns is what `attend` and every fusion use.
 */
export function bindDecoder(
  c: DecoderConfig,
  names: DecoderNames,
  params: Params,
  refine: (site: Site) => Site = (s) => s,
): Backbone {
  const weight = (suffix: string): Tensor => {
    const tensor = params[names.prefix + suffix]
    if (!tensor) throw new CasaError(`${c.modelType}: weight ${names.prefix + suffix} was not given`)
    return tensor
  }
  const dense = (name: string, x: Tensor) => linear(x, weight(name + '.weight'), params[`${names.prefix}${name}.bias`])
  const norm = (name: string, x: Tensor) => rmsNorm(x, weight(name + '.weight'), { eps: c.normEps })
  const head = c.tiedEmbeddings ? weight('embed_tokens.weight') : params[names.head]!
  const { headSize: E } = c

  function site(layer: number, step: Step): Site {
    const at = `layers.${layer}.`
    const split = (name: string, x: Tensor, heads: number) => reshape(dense(at + name, x), [x.shape[0], heads, E])
    return {
      layer,
      norm: (x) => norm(at + 'input_layernorm', x),
      project: (normed) => ({
        q: split('self_attn.q_proj', normed, c.heads),
        k: split('self_attn.k_proj', normed, c.kvHeads),
        v: split('self_attn.v_proj', normed, c.kvHeads),
      }),
      projectKeys: (normed) => ({
        k: split('self_attn.k_proj', normed, c.kvHeads),
        v: split('self_attn.v_proj', normed, c.kvHeads),
      }),
      rotate: (heads, rotary) => rope(heads, rotary, { layout: c.ropeLayout }),
      attend(normed) {
        const { q, k, v } = this.project(normed)
        const turned = this.rotate(k, step.rotary)
        const seen = step.cache ? step.cache.append(layer, turned, v) : { k: turned, v }
        const cuK = step.cache ? Int32Array.of(0, step.cache.length + step.tokens) : step.cu
        return this.output(attention(this.rotate(q, step.rotary), seen.k, seen.v, { cuQ: step.cu, cuK, causal: true }))
      },
      output: (heads) => dense(at + 'self_attn.o_proj', reshape(heads, [heads.shape[0], c.heads * E])),
      feedForward(x) {
        const n = norm(at + 'post_attention_layernorm', x)
        return dense(at + 'mlp.down_proj', swiglu(dense(at + 'mlp.gate_proj', n), dense(at + 'mlp.up_proj', n)))
      },
    }
  }

  const plain: Fuse = (x, s) => add(x, s.attend(s.norm(x)))
  return {
    modelType: c.modelType,
    layers: c.layers,
    width: c.width,
    heads: c.heads,
    kvHeads: c.kvHeads,
    headSize: E,
    vocabSize: c.vocabSize,
    positionRows: c.ropeSections ? 3 : 1,
    head,
    selfAttention(layer) {
      const projection = (name: string) => {
        const at = `layers.${layer}.self_attn.${name}`
        return { weight: weight(at + '.weight'), bias: params[`${names.prefix}${at}.bias`] }
      }
      return {
        q_proj: projection('q_proj'),
        k_proj: projection('k_proj'),
        v_proj: projection('v_proj'),
        o_proj: projection('o_proj'),
      }
    },
    embed(ids) {
      const wrong = ids.findIndex((id) => id < 0 || id >= c.vocabSize)
      if (wrong >= 0) throw new CasaError(`token ${wrong} has id ${ids[wrong]}, outside the vocabulary of ${c.vocabSize}`)
      return embedding(weight('embed_tokens.weight'), ids, { paddingIndex: c.padToken })
    },
    rotary: (positions: Positions) =>
      ropeTable(positions, { headSize: E, theta: c.ropeTheta, ...(c.ropeSections && { sections: c.ropeSections }) }),
    layer(index, x, step, fuse = plain) {
      const s = refine(site(index, step))
      const mixed = fuse(x, s)
      return add(mixed, s.feedForward(mixed))
    },
    finalNorm: (x) => norm('norm', x),
    logits: (normed) => linear(normed, head),
    createCache: (capacityTokens) => createKvCache(c, capacityTokens),
  }
}
