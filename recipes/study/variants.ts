/** The variants compared: ways of giving image tokens to a small language model, all else equal. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Level, StudyDefinition } from '@casa-js/study'
import type { StudyDataOptions, StudyTask } from './src/dataset.ts'

const fusion = (fusion_config: object, more: object = {}): Level => ({ run: { model: { config: { fusion_config, ...more } } } })

export const fusions = {
  none: fusion({ kind: 'none' }),
  insertion: fusion({ kind: 'insertion' }),
  'q-former-8': fusion(
    { kind: 'insertion' },
    { compressor_config: { kind: 'q-former', num_queries: 8, num_layers: 2, num_heads: 4 } },
  ),
  ca: fusion({ kind: 'casa', keys: 'image', norm_images: true }),
  'ca-rotary': fusion({ kind: 'casa', keys: 'image', rotary: true, norm_images: true }),
  casa: fusion({ kind: 'casa', keys: 'image+text', norm_images: true }),
  'casa-shared': fusion({ kind: 'casa', keys: 'image+text', shared: true }),
  'casa-replace-2': fusion({ kind: 'casa', keys: 'image+text', norm_images: true, place: 'replace', every: 2 }),
  'casa-ffn': fusion({ kind: 'casa', keys: 'image+text', norm_images: true, ffn_updates: true }),
} satisfies Record<string, Level>

/** The shipped model. */
const reader = new URL('../../apps/cli/model/', import.meta.url)

export type FusionName = keyof typeof fusions

/**
 * The shipped reader's language model and encoder, the same for every variant; the reader's own CASA layers are left out, so that new
 * layers start from self-attention, as in the paper, whatever their kind. The encoder stays frozen.
 */
export function readerRun(): StudyDefinition['run'] {
  const { text_config, vision_config } = JSON.parse(readFileSync(new URL('config.json', reader), 'utf8')) as Record<
    string,
    object
  >
  const folder = fileURLToPath(reader)
  return {
    model: {
      config: { model_type: 'casa_vlm', text_config, vision_config },
      tokenizer: { file: folder + 'tokenizer.json' },
      template: 'casa-reader',
      from: { folder, match: ['model.*', 'vision.*'] },
    },
    data: { module: './src/dataset.ts' },
    batch: { textTokens: 256, imageTokens: 512 },
    steps: 1000,
    // A constant rate: an evaluation in the middle of a run is as good an end as the last one, so a run serves both budgets.
    schedule: { warmup: 20, cooldown: 0 },
    groups: [{ name: 'all', match: ['*'], learningRate: 1e-3, weightDecay: 0.05 }],
    freeze: ['vision.*'],
    optimizer: { betas: [0.9, 0.98] },
    clip: 1,
    device: 'wasm',
  }
}

export interface TaskSize extends Pick<StudyDataOptions, 'count' | 'pictures' | 'names' | 'letters' | 'sizePx'> {
  steps: number
  /** Updates between evaluations. */
  every: number
  /** Held-out examples. */
  examples: number
}

/**
 * A task as a level: trained on its training side, judged on held-out fonts, words and countries. With a `count` of training examples
 * their order follows from the cell's seed.
 */
export function taskLevel(task: StudyTask | StudyTask[], { steps, every, examples, count, ...sizes }: TaskSize): Level {
  const options = { task, ...sizes }
  return {
    run: {
      data: { options: { ...options, split: 'train', seed: 1, ...(count !== undefined && { count }) } },
      steps,
      evaluate: {
        every,
        examples,
        maxNewTokens: 12,
        shown: 0,
        data: [{ module: './src/dataset.ts', options: { ...options, split: 'heldOut', seed: 7, count: examples } }],
      },
    },
  }
}
