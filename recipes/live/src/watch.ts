/** A model watches a scene through the library's own live captions. */
import { captionStream, createSampler, type Vlm } from '@casa-js/vlm'
import { playScene } from './clip.ts'
import { blankFrame, livePrompt } from './dataset.ts'
import type { SceneMaterial } from './scene.ts'
import { eventsOf, type Said } from './score.ts'
import type { Painter } from './stage.ts'

/** Text tokens kept in the cache: about the length of a training clip. Beyond it the window moves on. */
export const liveCapacityTokens = 384

/**
 * Seed of held-out scenes: training draws its clips by seeds below 1,000. With 1 those of the model's card.
 */
export const evaluationSeed = (seed: number): number => 1000 * seed

/** What makes held-out scene `index`: seeds, and how often something happens. */
export const heldOutScene = (seed: number, index: number) => ({ seeds: [evaluationSeed(seed), index], eventChance: 0.5 })

/** How the model was trained to be asked: no prefix, no sampling, no penalties (names and words repeat). */
export const liveCaptioning = (vlm: Vlm) => ({
  prompt: livePrompt,
  prefix: '',
  maxTokensPerFrame: 24,
  budgetMs: Infinity,
  sampler: createSampler({ temperature: 0, stopTokens: vlm.stopIds }),
})

export interface WatchOptions {
  seeds: number[]
  frames: number
  /** Grey frames instead of the scene's. */
  blank?: boolean
  eventChance: number
  capacityTokens?: number
}

/** A frame, what was said of it, and what the stream holds then: text tokens in the cache, bytes of all live tensors. */
export interface Watched extends Said {
  cachedTokens: number
  tensorBytes: number
}

/** What a model says of each frame of a scene, beside what is right, as it goes. */
export async function* watch(
  vlm: Vlm,
  material: SceneMaterial,
  painter: Painter,
  { seeds, frames, blank = false, eventChance, capacityTokens = liveCapacityTokens }: WatchOptions,
): AsyncGenerator<Watched, void> {
  const play = playScene(material, painter, { seeds, eventChance })
  const shown: string[][] = []
  async function* video() {
    for (let index = 0; index < frames; index++) {
      const { right, paint } = play.next().value
      const image = blank ? blankFrame : await paint()
      shown.push(right)
      yield { image, timeMs: index * 500 }
    }
  }
  for await (const { text, cachedTokens, memory } of captionStream(vlm, video(), { ...liveCaptioning(vlm), capacityTokens })) {
    yield { right: shown.shift()!, said: text.trim(), cachedTokens, tensorBytes: memory.bytes }
  }
}

/** Scene after scene, each beside what was said of it, until they hold that many events. */
export async function* watchScenes(
  vlm: Vlm,
  material: SceneMaterial,
  painter: Painter,
  { events, ...options }: Omit<WatchOptions, 'seeds' | 'eventChance'> & { events: number },
): AsyncGenerator<Watched[], void> {
  for (let scene = 0, seen = 0; seen < events; scene++) {
    const frames: Watched[] = []
    for await (const frame of watch(vlm, material, painter, { ...options, ...heldOutScene(1, scene) })) frames.push(frame)
    seen += eventsOf(frames)
    yield frames
  }
}
