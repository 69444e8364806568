/**
 * Mistral: Llama's block without biases, every layer with a sliding window. Later checkpoints have no window (`sliding_window` null).
 * Source: Jiang et al., arXiv 2310.06825, section 2.
 */
import { defineBackbone } from '@casa-js/core'
import { bindDecoder, decoderTensors, llamaNames, parseDecoderConfig, type DecoderConfig } from './decoder/index.ts'

/** Mistral 7B: sliding windows. arXiv 2310.06825. */
export const mistral = defineBackbone<DecoderConfig>({
  modelType: 'mistral',
  parseConfig: (json) =>
    parseDecoderConfig(json, {
      modelType: 'mistral',
      ropeLayout: 'half',
      biases: { qkv: false, output: false, feedForward: false },
      windows: { fallback: 4096, slides: () => true },
      defaults: { ropeTheta: 10_000, normEps: 1e-6 },
    }),
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
      sliding_window: 3,
    })
  },
})
