/**
 * Helium, the preview (helium-1-preview-2b): Llama's block with interleaved rotary pairs (2i, 2i + 1).
 * Helium-1-2b itself is published as `llama`.
 */
import { Fields } from '@casa-js/base'
import { defineBackbone } from '@casa-js/core'
import { bindDecoder, decoderTensors, llamaNames, parseDecoderConfig, type DecoderConfig } from './decoder/index.ts'

/** Helium, the preview: interleaved rotary pairs. arXiv 2302.13971; transformers' HeliumForCausalLM. */
export const helium = defineBackbone<DecoderConfig>({
  modelType: 'helium',
  parseConfig(json) {
    const f = new Fields(json, 'config.json')
    return parseDecoderConfig(json, {
      modelType: 'helium',
      ropeLayout: 'interleaved',
      biases: { qkv: f.boolean('attention_bias', false), output: false, feedForward: f.boolean('mlp_bias', false) },
      defaults: { ropeTheta: 100_000, normEps: 1e-8 },
    })
  },
  tensors: (config) => decoderTensors(config, llamaNames),
  bind: (config, params) => bindDecoder(config, llamaNames, params),
  tinyConfig() {
    return this.parseConfig({
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 3,
      num_key_value_heads: 3,
      head_dim: 8,
      vocab_size: 31,
    })
  },
})
