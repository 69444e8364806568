/**
 * Qwen2 and Qwen2.5, text only: Llama's block with biases on q, k and v; the upper layers may have sliding windows.
 * Source: arXiv 2407.10671, 2412.15115.
 */
import { defineBackbone } from '@casa-js/core'
import {
  bindDecoder,
  decoderTensors,
  llamaNames,
  parseDecoderConfig,
  type DecoderConfig,
  type WindowRule,
} from './decoder/index.ts'

/** Layers from `max_window_layers` on slide, if `use_sliding_window` says so. */
export const upperLayers: WindowRule = {
  switch: 'use_sliding_window',
  fallback: 4096,
  slides: (layer, f) => layer >= f.integer('max_window_layers', { min: 0, fallback: 28 }),
}

/** Qwen2 and Qwen2.5: biases on q, k and v, sliding windows in the upper layers. arXiv 2407.10671, 2412.15115. */
export const qwen2 = defineBackbone<DecoderConfig>({
  modelType: 'qwen2',
  parseConfig: (json) =>
    parseDecoderConfig(json, {
      modelType: 'qwen2',
      ropeLayout: 'half',
      biases: { qkv: true, output: false, feedForward: false },
      windows: upperLayers,
      defaults: { ropeTheta: 10_000, normEps: 1e-6 },
    }),
  tensors: (config) => decoderTensors(config, llamaNames),
  bind: (config, params) => bindDecoder(config, llamaNames, params),
  tinyConfig() {
    return this.parseConfig({
      hidden_size: 24,
      intermediate_size: 40,
      num_hidden_layers: 2,
      num_attention_heads: 6,
      num_key_value_heads: 1,
      head_dim: 8,
      vocab_size: 31,
      tie_word_embeddings: true,
    })
  },
})
