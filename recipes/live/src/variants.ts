/** The runs of this recipe: the model, and what it is compared with. */
import { defineRun, type RunDefinition } from '@casa-js/train'

export const variants = ['casa', 'ca', 'ca-rotary', 'insertion', 'blind'] as const
export type Variant = (typeof variants)[number]

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
 * One cell of a comparison at a small budget. Within a seed all four have the same clips, updates and rates. They start from the reader's
 * language model and the encoder of the shipped live model, which does not train; layers for pictures are new and start from self-attention.
 *
 * @param seed of the clips, too: no two seeds share one
 * @param folder with the models that `start --fresh` wrote, and where the run goes
 */
export function comparedRun(variant: Variant, seed: number, folder = '../../runs/live-compared'): RunDefinition {
  const blind = variant === 'blind'
  return defineRun({
    ...liveRun({ folder: `${folder}/${blind ? 'casa' : variant}` }),
    data: {
      module: './src/dataset.ts',
      options: { split: 'train', seed: 500 + seed, frames: [4, 16], eventChance: [0.55, 0.95], middle: 0.25, blind },
    },
    // 32 frames in an update of each: a blind frame is one token.
    batch: { textTokens: 1024, imageTokens: blind ? 32 : 1152, perStep: 1 },
    steps: 400,
    schedule: { warmup: 30, cooldown: 250 },
    // As the study that starts from the reader has it, with new layers too.
    groups: [{ name: 'all', match: ['*'], learningRate: 1e-3, weightDecay: 0.05 }],
    freeze: ['vision.*'],
    seed,
    out: `${folder}/${variant}-${seed}`,
  })
}
