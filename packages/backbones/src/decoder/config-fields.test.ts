import { ConfigError } from '@casa-js/base'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findBackboneFamily } from '../families.ts'
import { llama } from '../llama.ts'
import { mistral } from '../mistral.ts'
import { qwen2 } from '../qwen2.ts'
import { smollm3 } from '../smollm3.ts'

const small = { hidden_size: 64, intermediate_size: 8, num_hidden_layers: 4, num_attention_heads: 4, vocab_size: 9 }

/** Fields of published checkpoints, which the parser must accept. */
const published = [
  [
    'SmolLM2-135M-Instruct',
    {
      model_type: 'llama',
      is_llama_config: true,
      rope_interleaved: false,
      pretraining_tp: 1,
      'transformers.js_config': { dtype: 'q4' },
    },
  ],
  [
    'Mistral-7B-v0.1',
    { model_type: 'mistral', sliding_window: 4096, hidden_act: 'silu', use_cache: true, torch_dtype: 'bfloat16' },
  ],
  [
    'Qwen2.5-0.5B',
    { model_type: 'qwen2', use_sliding_window: false, sliding_window: 32768, max_window_layers: 24, use_mrope: false },
  ],
  [
    'Llama-3.1-8B',
    {
      model_type: 'llama',
      rope_scaling: {
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
    },
  ],
  [
    'an old one',
    {
      model_type: 'llama',
      _name_or_path: 'x',
      rope_scaling: null,
      num_beams: 1,
      id2label: { 0: 'a' },
      is_encoder_decoder: false,
    },
  ],
] as const

describe('fields of config.json', () => {
  it.each(published)('%s is read', (_, fields) => {
    const json = { ...small, ...fields }
    expect(() => findBackboneFamily(json).parseConfig(json)).not.toThrow()
  })

  it.each([
    ['attn_logit_softcapping', 50],
    ['final_logit_softcapping', 30],
    ['residual_multiplier', 0.2],
    ['embedding_multiplier', 12],
    ['attention_multiplier', 0.01],
    ['logits_scaling', 8],
    ['partial_rotary_factor', 0.25],
    ['hidden_act', 'gelu'],
    ['attention_bias', 'yes'],
    ['clip_qkv', 8],
    ['qk_layernorm', true],
    ['num_experts', 8],
    ['no_rope_layers', [1, 1, 1, 0]],
    ['quantization_config', { quant_method: 'gptq' }],
    ['use_sliding_window', true],
    ['sliding_window', 4096],
    ['layer_types', ['full_attention', 'chunked_attention', 'full_attention', 'full_attention']],
    ['rope_interleaved', true],
    ['a_field_of_next_year', 1],
  ])('llama refuses %s = %j by its name', (field, value) => {
    const parse = () => llama.parseConfig({ ...small, [field]: value })
    expect(parse).toThrow(ConfigError)
    expect(parse).toThrow(field)
  })

  it('a neutral value, and null, change nothing', () => {
    const neutral = {
      residual_multiplier: 1,
      partial_rotary_factor: 1,
      num_experts: 0,
      final_logit_softcapping: null,
      anything: null,
    }
    expect(llama.parseConfig({ ...small, ...neutral })).toEqual(llama.parseConfig(small))
  })

  it('biases that the family does not support are refused', () => {
    expect(() => mistral.parseConfig({ ...small, attention_bias: true })).toThrow('attention_bias: expected false for mistral')
    expect(() => qwen2.parseConfig({ ...small, attention_bias: false })).toThrow('attention_bias: expected true for qwen2')
    expect(llama.parseConfig({ ...small, attention_bias: true }).biases).toEqual({ qkv: true, output: true, feedForward: false })
  })

  it('every field of a golden config is known', () => {
    for (const name of ['helium', 'llama-helium1', 'qwen2', 'smollm3', 'mistral']) {
      const json = JSON.parse(readFileSync(new URL(`../../fixtures/${name}/config.json`, import.meta.url), 'utf8'))
      expect(() => findBackboneFamily(json).parseConfig(json), name).not.toThrow()
    }
  })
})

describe('sliding windows of a config', () => {
  it("mistral: every layer; the family's own window where the field is absent, none where it is null", () => {
    expect(mistral.parseConfig({ ...small, sliding_window: 7 }).windows).toEqual([7, 7, 7, 7])
    expect(mistral.parseConfig(small).windows).toEqual([4096, 4096, 4096, 4096])
    expect(mistral.parseConfig({ ...small, sliding_window: null }).windows).toBeUndefined()
  })
  it('qwen2: the upper layers, if windows are switched on', () => {
    const windows = { sliding_window: 7, max_window_layers: 3 }
    expect(qwen2.parseConfig({ ...small, ...windows }).windows).toBeUndefined()
    expect(qwen2.parseConfig({ ...small, ...windows, use_sliding_window: true }).windows).toEqual([
      Infinity,
      Infinity,
      Infinity,
      7,
    ])
    expect(qwen2.parseConfig({ ...small, use_sliding_window: true, sliding_window: 7 }).windows).toBeUndefined()
  })
  it('layer_types says which layers', () => {
    const layer_types = ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention']
    const windows = { sliding_window: 7, use_sliding_window: true, layer_types }
    expect(qwen2.parseConfig({ ...small, ...windows }).windows).toEqual([7, Infinity, 7, Infinity])
    expect(() => qwen2.parseConfig({ ...small, layer_types })).toThrow('layer_types')
  })
  it('smollm3: the layers without rotary positions', () => {
    expect(smollm3.parseConfig({ ...small, sliding_window: 7, use_sliding_window: true }).windows).toEqual([
      Infinity,
      Infinity,
      Infinity,
      7,
    ])
  })
  it('a window of another type is an error that names it', () => {
    expect(() => mistral.parseConfig({ ...small, sliding_window: 'wide' })).toThrow('sliding_window')
    expect(() => mistral.parseConfig({ ...small, sliding_window: 0 })).toThrow('sliding_window')
  })
})
