/**
 * Every field that a decoder's config.json may contain: used, harmless, or refused unless its value is neutral.
 *
 * Unknown fields are refused too. They may change the arithmetic (capped logits, scaled residuals, experts), and a model
 * that loads but computes wrong results is worse than one that does not load.
 */
import type { Fields } from '@casa-js/base'

/** Read by `parseDecoderConfig`, or when the family is chosen. */
const used = [
  ...['model_type', 'vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'],
  ...['num_key_value_heads', 'head_dim', 'hidden_act', 'rms_norm_eps', 'max_position_embeddings', 'tie_word_embeddings'],
  ...['rope_theta', 'rope_scaling', 'rope_parameters', 'original_max_position_embeddings', 'attention_bias', 'mlp_bias'],
  ...['sliding_window', 'use_sliding_window', 'max_window_layers', 'layer_types', 'pad_token_id'],
]

/** No effect on the forward pass; nor have fields with a leading underscore. */
const harmless = [
  // Origin and storage of the file.
  ...[
    'architectures',
    'transformers_version',
    'torch_dtype',
    'dtype',
    'name_or_path',
    'auto_map',
    'unsloth_version',
    'unsloth_fixed',
  ],
  ...['is_llama_config', 'transformers.js_config', 'tokenizer_class', 'pretraining_tp', 'save_attention_mask'],
  // Training.
  ...['initializer_range', 'attention_dropout', 'hidden_dropout', 'resid_pdrop', 'embd_pdrop', 'gradient_checkpointing'],
  ...['use_bfloat16', 'finetuning_task', 'problem_type', 'id2label', 'label2id', 'task_specific_params', 'neftune_noise_alpha'],
  // Generation: not read by the decoder.
  ...['bos_token_id', 'eos_token_id', 'sep_token_id', 'decoder_start_token_id', 'use_cache', 'max_length', 'min_length'],
  ...['do_sample', 'early_stopping', 'num_beams', 'num_beam_groups', 'diversity_penalty', 'temperature', 'top_k', 'top_p'],
  ...['typical_p', 'repetition_penalty', 'length_penalty', 'no_repeat_ngram_size', 'encoder_no_repeat_ngram_size'],
  ...['bad_words_ids', 'num_return_sequences', 'forced_bos_token_id', 'forced_eos_token_id', 'remove_invalid_values'],
  ...['exponential_decay_length_penalty', 'suppress_tokens', 'begin_suppress_tokens', 'prefix'],
  // What transformers returns.
  ...['return_dict', 'return_dict_in_generate', 'output_hidden_states', 'output_attentions', 'output_scores', 'torchscript'],
  ...['chunk_size_feed_forward', 'tf_legacy_loss', 'pruned_heads', 'cross_attention_hidden_size', 'tie_encoder_decoder'],
  ...['is_decoder'],
]

/** Neutral values of fields that other models use. null is always neutral. */
const refused: Record<string, { neutral: readonly unknown[]; what: string }> = {
  attn_logit_softcapping: { neutral: [], what: 'soft-capped attention scores' },
  final_logit_softcapping: { neutral: [], what: 'soft-capped logits' },
  query_pre_attn_scalar: { neutral: [], what: 'attention scores of another scale' },
  attention_multiplier: { neutral: [], what: 'attention scores of another scale' },
  embedding_multiplier: { neutral: [1], what: 'scaled embeddings' },
  residual_multiplier: { neutral: [1], what: 'scaled residuals' },
  logits_scaling: { neutral: [1], what: 'scaled logits' },
  logit_scale: { neutral: [1], what: 'scaled logits' },
  scale_emb: { neutral: [1], what: 'scaled embeddings' },
  scale_depth: { neutral: [], what: 'scaled residuals' },
  partial_rotary_factor: { neutral: [1], what: 'heads that are rotated in part' },
  rotary_pct: { neutral: [1], what: 'heads that are rotated in part' },
  rope_interleaved: { neutral: [false], what: "interleaved rotary pairs in this family's checkpoints" },
  use_mrope: { neutral: [false], what: 'multi-section rotary positions in this family' },
  clip_qkv: { neutral: [], what: 'clipped q, k and v' },
  qk_layernorm: { neutral: [false], what: 'norms of q and k' },
  use_qk_norm: { neutral: [false], what: 'norms of q and k' },
  parallel_attn: { neutral: [false], what: 'attention beside the feed-forward half' },
  use_parallel_residual: { neutral: [false], what: 'attention beside the feed-forward half' },
  alibi: { neutral: [false], what: 'ALiBi positions' },
  attention_chunk_size: { neutral: [], what: 'chunked attention' },
  attn_temperature_tuning: { neutral: [false, 0], what: 'attention scores that depend on the position' },
  num_local_experts: { neutral: [0], what: 'experts' },
  num_experts: { neutral: [0], what: 'experts' },
  n_routed_experts: { neutral: [0], what: 'experts' },
  no_rope_layers: { neutral: [], what: 'layers without positions in this family' },
  no_rope_layer_interval: { neutral: [], what: 'layers without positions in this family' },
  add_cross_attention: { neutral: [false], what: 'cross-attention' },
  is_encoder_decoder: { neutral: [false], what: 'an encoder' },
  quantization_config: {
    neutral: [],
    what: "another library's quantised weights; use the model in bf16, and quantise it with casa convert",
  },
}

/**
 * Refuses every field that is neither used nor known to be harmless.
 * @param own fields that the family reads in addition to the common ones
 * @throws ConfigError naming the field
 */
export function checkFields(f: Fields, own: readonly string[] = []): void {
  const known = new Set([...used, ...harmless, ...own])
  for (const name of f.names()) {
    if (known.has(name) || name.startsWith('_')) continue
    const rule = Object.hasOwn(refused, name) ? refused[name] : undefined
    f.require(
      rule !== undefined && rule.neutral.includes(f.raw(name)),
      name,
      rule
        ? `${rule.what}: not implemented${rule.neutral.length > 0 ? `; expected ${rule.neutral.join(' or ')}` : ''}`
        : 'this field is not known here, and may change what the model computes; remove it if you know that it does not',
    )
  }
}
