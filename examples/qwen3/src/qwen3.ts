/**
 * Qwen3, dense: Llama's block without biases, with an RMS norm over each head of queries and keys before the rotary embedding.
 *
 *   q = norm_q(W_q n)    k = norm_k(W_k n)    n = norm x        norm_q, norm_k: weight [E], the same for every head of a layer
 *
 * Source: arXiv 2505.09388, section 2; transformers' Qwen3ForCausalLM. E is 128 unless the config says otherwise, whatever D / H is.
 */
import { parseDecoderConfig, bindDecoder, decoderTensors, llamaNames, type DecoderConfig } from '@casa-js/backbones'
import { defineBackbone, type Params, type Site, type TensorTable, Fields } from '@casa-js/core'
import { rmsNorm, type Tensor } from '@casa-js/tensor'

const normName = (layer: number, of: 'q' | 'k') => `model.layers.${layer}.self_attn.${of}_norm.weight`

/** Llama's table, and the two norms of every layer. */
function qwen3Tensors(config: DecoderConfig): TensorTable {
  const norms = Array.from({ length: config.layers }, (_, layer) => [normName(layer, 'q'), normName(layer, 'k')]).flat()
  return [
    ...decoderTensors(config, llamaNames),
    ...norms.map((name) => ({ name, shape: [config.headSize], init: { kind: 'ones' as const } })),
  ]
}

/** A block's site that applies the head norms inside the projections, so that a fusion that shares the projections shares the norms. */
function normHeads(site: Site, params: Params, eps: number): Site {
  const norm = (of: 'q' | 'k', heads: Tensor) => rmsNorm(heads, params[normName(site.layer, of)]!, { eps })
  return {
    ...site,
    project(normed) {
      const { q, k, v } = site.project(normed)
      return { q: norm('q', q), k: norm('k', k), v }
    },
    projectKeys(normed) {
      const { k, v } = site.projectKeys(normed)
      return { k: norm('k', k), v }
    },
  }
}

export const qwen3 = defineBackbone<DecoderConfig>({
  modelType: 'qwen3',
  parseConfig(json) {
    const bias = new Fields(json, 'config.json').boolean('attention_bias', false)
    return parseDecoderConfig(
      { head_dim: 128, ...(json as object) },
      {
        modelType: 'qwen3',
        ropeLayout: 'half',
        biases: { qkv: bias, output: bias, feedForward: false },
        defaults: { ropeTheta: 10_000, normEps: 1e-6 },
      },
    )
  },
  tensors: qwen3Tensors,
  bind: (config, params) => bindDecoder(config, llamaNames, params, (site) => normHeads(site, params, config.normEps)),
  tinyConfig() {
    return this.parseConfig({
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 31,
      tie_word_embeddings: true,
    })
  },
})
