/** The models that `casa bench gpu` measures, and its flags. */
import type { DeviceFlags } from '../device.ts'
import type { Format } from './roofline.ts'

const llama = { model_type: 'llama', rms_norm_eps: 1e-5, rope_theta: 100_000, tie_word_embeddings: true }
export const gpuShapes = {
  tiny: {
    ...llama,
    vocab_size: 320,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 2048,
  },
  'smollm2-135m': {
    ...llama,
    vocab_size: 49_152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 64,
    max_position_embeddings: 8192,
  },
  'llama-3.2-1b': {
    ...llama,
    vocab_size: 128_256,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    max_position_embeddings: 8192,
  },
  'helium-1-2b': {
    ...llama,
    rms_norm_eps: 1e-8,
    rope_theta: 20_000,
    tie_word_embeddings: false,
    vocab_size: 64_000,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    max_position_embeddings: 4096,
  },
} as const
export type GpuShape = keyof typeof gpuShapes

export interface GpuFlags extends DeviceFlags {
  shape: GpuShape
  formats: Format[]
  context: number
  tokens: number
  out?: string
}
