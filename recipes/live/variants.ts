/** The same run with another fusion, or without pictures: same data, updates and rates. */
import { defineRun, type RunDefinition } from '@casa-js/train'

export type Variant = 'casa' | 'ca' | 'insertion' | 'blind'

/**
 * @param from another model folder to start from, and another seed of the clips
 * @returns the run of one variant, into runs/live-<variant>
 */
export const liveRun = (variant: Variant, from: { folder?: string; seed?: number } = {}): RunDefinition =>
  defineRun({
    model: { folder: from.folder ?? `../../runs/live-start/${variant === 'blind' ? 'casa' : variant}` },
    data: {
      module: './src/dataset.ts',
      options: {
        split: 'train',
        seed: from.seed ?? 1,
        frames: [4, 16],
        eventChance: [0.55, 0.95],
        middle: 0.25,
        blind: variant === 'blind',
      },
    },
    batch: { textTokens: 1024, imageTokens: 1152, perStep: 1 },
    steps: 4000,
    schedule: { warmup: 100, cooldown: 700 },
    groups: [{ name: 'all', match: ['*'], learningRate: 7e-4, weightDecay: 0.05 }],
    // The reader has learnt to see: only the encoder's last blocks and what follows go on learning, as in the paper (section 5).
    freeze: ['vision.stem.*', 'vision.embed.*', 'vision.blocks.0.*'],
    optimizer: { betas: [0.9, 0.98] },
    clip: 1,
    checkpoint: { every: 50, keep: 3 },
    save: 'BF16',
    seed: 1,
    out: `../../runs/live-${variant}`,
  })
