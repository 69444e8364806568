/**
 * Llama, and what is published in its format: Helium-1-2b among others.
 * Half-split rotary; biases only if the config has them. Source: Touvron et al., arXiv 2302.13971.
 */
import { Fields } from '@casa-js/base'
import { defineBackbone } from '@casa-js/core'
import { bindDecoder, decoderTensors, llamaNames, parseDecoderConfig, type DecoderConfig } from './decoder/index.ts'

/** Llama, and what is published in its format: SmolLM2, Helium-1-2b. arXiv 2302.13971. */
export const llama = defineBackbone<DecoderConfig>({
  modelType: 'llama',
  parseConfig(json) {
    const f = new Fields(json, 'config.json')
    const attention = f.boolean('attention_bias', false)
    return parseDecoderConfig(json, {
      modelType: 'llama',
      ropeLayout: 'half',
      biases: { qkv: attention, output: attention, feedForward: f.boolean('mlp_bias', false) },
      defaults: { ropeTheta: 10_000, normEps: 1e-6 },
    })
  },
  tensors: (config) => decoderTensors(config, llamaNames),
  bind: (config, params) => bindDecoder(config, llamaNames, params),
  tinyConfig() {
    return this.parseConfig({
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 31,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
    })
  },
})
