/** The runs of this recipe: the model, and what it is compared with. */
import { defineRun, type RunDefinition } from '@casa-js/train'

export type Variant = 'casa' | 'ca' | 'insertion' | 'blind'

/**
 * The model that captions live video.
 *
 * @param from another model folder to start from, and another seed of the clips
 */
export const liveRun = (from: { folder?: string; seed?: number } = {}): RunDefinition =>
  defineRun({
    model: { folder: from.folder ?? '../../runs/live-start/casa' },
    data: {
      module: './src/dataset.ts',
      options: {
        split: 'train',
        seed: from.seed ?? 1,
        frames: [4, 22],
        eventChance: [0.55, 0.95],
        middle: 0.35,
        // Two in five clips list what is on the stage: three or four names per frame teach the encoder to see.
        lists: 0.4,
      },
    },
    batch: { textTokens: 1024, imageTokens: 1152, perStep: 1 },
    steps: 6000,
    schedule: { warmup: 100, cooldown: 4000 },
    groups: [{ name: 'all', match: ['*'], learningRate: 7e-4, weightDecay: 0.03 }],
    optimizer: { betas: [0.9, 0.98] },
    clip: 1,
    checkpoint: { every: 50, keep: 3 },
    save: 'BF16',
    seed: 1,
    out: '../../runs/live-casa',
  })

/**
 * One of four that are compared at a small budget: from the reader's language model and the encoder of the shipped live model, which
 * does not train, with the same clips, updates and rates.
 */
export function comparedRun(variant: Variant): RunDefinition {
  const run = liveRun({ folder: `../../runs/live-compared/${variant === 'blind' ? 'casa' : variant}`, seed: 500 })
  const blind = variant === 'blind'
  return defineRun({
    ...run,
    data: {
      module: './src/dataset.ts',
      options: { split: 'train', seed: 500, frames: [4, 16], eventChance: [0.55, 0.95], middle: 0.25, blind },
    },
    // 32 frames in an update of each: a blind frame is one token.
    batch: { textTokens: 1024, imageTokens: blind ? 32 : 1152, perStep: 1 },
    steps: 400,
    schedule: { warmup: 30, cooldown: 250 },
    freeze: ['vision.*'],
    out: `../../runs/live-compared/${variant}-run`,
  })
}
