/**
 * __model_type__: Llama's block as it stands. TO WRITE: what is unusual about the model.
 * Source: the paper's arXiv number and section; transformers' class.
 */
import { defineBackbone } from '@casa-js/core'
import { bindDecoder, decoderTensors, llamaNames, parseDecoderConfig, type DecoderConfig } from './decoder/index.ts'

export const __identifier__ = defineBackbone<DecoderConfig>({
  modelType: '__model_type__',
  // A setting that is not implemented must be refused by its name (`Fields.require`): to ignore it is to be silently wrong.
  parseConfig: (json) =>
    parseDecoderConfig(json, {
      modelType: '__model_type__',
      ropeLayout: 'half',
      biases: { qkv: false, output: false, feedForward: false },
      defaults: { ropeTheta: 10_000, normEps: 1e-6 },
    }),
  // The names of the checkpoint. More weights than Llama's: add them here and use them in `bind` (examples/qwen3 does).
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
    })
  },
})
