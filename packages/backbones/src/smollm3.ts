/**
 * SmolLM3: Llama's block, but every fourth layer has no rotary positions (NoPE): its queries and keys are not rotated.
 * Source: Yang et al., arXiv 2501.18795, section 3 (RNoPE); transformers' SmolLM3ForCausalLM.
 */
import { Fields } from '@casa-js/base'
import { defineBackbone } from '@casa-js/core'
import { bindDecoder, decoderTensors, llamaNames, parseDecoderConfig, type DecoderConfig } from './decoder/index.ts'

/** A decoder's config, and which layers rotate. */
export interface Smollm3Config extends DecoderConfig {
  /** By layer: whether its heads are rotated. */
  rotated: boolean[]
}

/** `no_rope_layers` says 1 for a layer that rotates; without it, every `no_rope_layer_interval`-th does not. */
function parseRotated(f: Fields, layers: number): boolean[] {
  const interval = f.integer('no_rope_layer_interval', { fallback: 4 })
  const flags = f.integers('no_rope_layers', {
    fallback: Array.from({ length: layers }, (_, i) => Number((i + 1) % interval !== 0)),
  })
  f.require(
    flags.length >= layers && flags.every((flag) => flag <= 1),
    'no_rope_layers',
    `expected 0 or 1 for each of ${layers} layers`,
  )
  return flags.slice(0, layers).map((flag) => flag === 1)
}

/** SmolLM3: every fourth layer without positions. arXiv 2501.18795. */
export const smollm3 = defineBackbone<Smollm3Config>({
  modelType: 'smollm3',
  parseConfig(json) {
    const f = new Fields(json, 'config.json')
    const attention = f.boolean('attention_bias', false)
    const config = parseDecoderConfig(
      { tie_word_embeddings: true, ...(json as object) },
      {
        modelType: 'smollm3',
        ropeLayout: 'half',
        biases: { qkv: attention, output: attention, feedForward: f.boolean('mlp_bias', false) },
        windows: { switch: 'use_sliding_window', slides: (layer) => !parseRotated(f, layer + 1)[layer] },
        fields: ['no_rope_layers', 'no_rope_layer_interval'],
        defaults: { ropeTheta: 2_000_000, normEps: 1e-6 },
      },
    )
    return { ...config, rotated: parseRotated(f, config.layers) }
  },
  tensors: (config) => decoderTensors(config, llamaNames),
  bind: (config, params) =>
    bindDecoder(config, llamaNames, params, (site) =>
      config.rotated[site.layer] ? site : { ...site, rotate: (heads) => heads },
    ),
  tinyConfig() {
    return this.parseConfig({
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 31,
      no_rope_layers: [1, 0],
    })
  },
})
