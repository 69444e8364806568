/**
 * The shipped model: `casa train recipes/reader/run.ts`. It reads words and short lines, names emoji, and tells two pictures apart.
 *
 * The curriculum starts with single letters and short words (the default shares of a difficulty), and the rate rises slowly: at
 * 1e-3 from the start the model learns to ignore its pictures before they mean anything (one softmax holds text and image, and
 * text is easier), and the loss stays at that of a language model. At 3e-4 letters are read after some 6,000 of them.
 */
import { defineRun } from '@casa-js/train'

const width = 192
const vocabSize = 320

export default defineRun({
  model: {
    config: {
      model_type: 'casa_vlm',
      text_config: {
        model_type: 'llama',
        vocab_size: vocabSize,
        hidden_size: width,
        intermediate_size: 512,
        num_hidden_layers: 4,
        num_attention_heads: 6,
        num_key_value_heads: 6,
        rms_norm_eps: 1e-6,
        rope_theta: 10_000,
        tie_word_embeddings: true,
        max_position_embeddings: 1024,
      },
      vision_config: {
        model_type: 'casa_vit',
        patch_size: 1,
        stem_channels: [32, 64, 128, 192],
        standardize_images: true,
        absolute_positions: true,
        hidden_size: 192,
        depth: 3,
        num_heads: 6,
        intermediate_size: 512,
        spatial_merge_size: 1,
        out_hidden_size: width,
        max_pixels: 65_536,
      },
      fusion_config: { kind: 'casa', keys: 'image+text', place: 'parallel', norm_images: true },
    },
    tokenizer: { corpus: { module: './src/tokenizer-corpus.ts' }, vocabSize },
    template: 'casa-reader',
  },
  data: {
    module: './src/dataset.ts',
    options: { split: 'train', seed: 1, difficulty: { from: 0, to: 0.6, over: 120_000 } },
  },
  batch: { textTokens: 1024, imageTokens: 1024, perStep: 2 },
  workers: 2,
  steps: 10_000,
  schedule: { warmup: 500, cooldown: 1000 },
  groups: [{ name: 'all', match: ['*'], learningRate: 6e-4, weightDecay: 0.05 }],
  optimizer: { betas: [0.9, 0.98] },
  clip: 1,
  checkpoint: { every: 100, keep: 2 },
  evaluate: {
    every: 500,
    examples: 60,
    maxNewTokens: 40,
    data: ['word', 'line', 'emoji', 'second-image'].map((task) => ({
      module: './src/evaluation.ts',
      options: { task, count: 60, seed: 7 },
    })),
  },
  save: 'BF16',
  seed: 1,
  out: '../../runs/reader',
})
