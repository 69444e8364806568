/**
 * The text model of Qwen2.5-VL: Qwen2's block with multi-section rotary (M-RoPE), whose pairs rotate with time, height and width.
 * Source: arXiv 2502.13923, section 2. config.json holds it under `text_config` (5.x) or flat (4.x); some checkpoints store it
 * as "model.language_model.*".
 */
import { Fields } from '@casa-js/base'
import { defineBackbone } from '@casa-js/core'
import {
  bindDecoder,
  decoderTensors,
  llamaNames,
  parseDecoderConfig,
  type DecoderConfig,
  type DecoderNames,
} from './decoder/index.ts'
import { upperLayers } from './qwen2.ts'

const names: DecoderNames = { ...llamaNames, aliases: [{ prefix: 'model.language_model.', head: 'lm_head.weight' }] }

/** Fields besides the text model's own, if config.json is flat. */
const others = [
  ...['vision_config', 'image_token_id', 'video_token_id', 'vision_start_token_id', 'vision_end_token_id', 'vision_token_id'],
]

/** The text model of Qwen2.5-VL: Qwen2 with multi-section rotary positions. arXiv 2502.13923. */
export const qwen2_5_vl = defineBackbone<DecoderConfig>({
  modelType: 'qwen2_5_vl',
  parseConfig(json) {
    const f = new Fields(json, 'config.json')
    const nested = f.has('text_config')
    const text = nested
      ? { tie_word_embeddings: f.boolean('tie_word_embeddings', false), ...(f.raw('text_config') as object) }
      : json
    const config = parseDecoderConfig(
      text,
      {
        modelType: 'qwen2_5_vl',
        ropeLayout: 'half',
        unscaledRopeTypes: ['mrope'],
        windows: upperLayers,
        fields: others,
        biases: { qkv: true, output: false, feedForward: false },
        defaults: { ropeTheta: 1_000_000, normEps: 1e-5 },
      },
      nested ? 'config.json: text_config' : 'config.json',
    )
    f.require(
      config.ropeSections !== undefined,
      nested ? 'text_config' : 'rope_scaling',
      'expected rotary settings with an mrope_section',
    )
    return config
  },
  tensors: (config) => decoderTensors(config, names),
  bind: (config, params) => bindDecoder(config, names, params),
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
      rope_scaling: { type: 'mrope', mrope_section: [1, 1, 2] },
    })
  },
})
