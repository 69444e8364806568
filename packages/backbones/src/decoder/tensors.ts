/** The decoder's weights as a table: names in the checkpoint, shapes, initialisation. Linear layers are [out, in]. */
import type { Init, TensorSpec, TensorTable } from '@casa-js/core'
import type { DecoderConfig } from './config.ts'

/** Checkpoint names of the weights. `aliases` are prefixes that replace "model.". */
export interface DecoderNames {
  prefix: string
  head: string
  aliases?: { prefix: string; head: string }[]
}

/** Names of Llama's checkpoints: "model.layers.0..", "lm_head.weight". */
export const llamaNames: DecoderNames = { prefix: 'model.', head: 'lm_head.weight' }

const fanIn: Init = { kind: 'fanIn' }
/** Layers that write into the residual stream are initialised smaller the more there are, to keep its variance bounded (as in GPT-2). */
const residual = (layers: number): Init => ({ kind: 'fanIn', gain: 1 / Math.sqrt(2 * layers) })
const ones: Init = { kind: 'ones' }
const zeros: Init = { kind: 'zeros' }

/**
 * Every weight of a decoder, in checkpoint order: names, shapes and initialisation. Linear layers are [out, in].
 * @param c the parsed config
 * @param names how its checkpoint names things: `llamaNames`, or with another prefix
 */
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
