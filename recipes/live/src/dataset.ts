/** The module that training loads: clips of several frames, each with its caption and a stop token, as one conversation. */
import { CasaError, type ContentPart, type Message, type RgbImage } from '@casa-js/base'
import type { Dataset } from '@casa-js/core'
import { createRandom, hashIntegers, type Random } from '@casa-js/data'
import type { Split } from '@casa-js/reader'
import { listOf } from './captions.ts'
import { playScene } from './clip.ts'
import { loadLiveMaterial, type LiveMaterial } from './material.ts'
import { createScene, kindWeights } from './scene.ts'
import { createPainter, drawBackdrop, type Painter } from './stage.ts'

/** What the model is asked before the first frame: captionStream's own words. */
export const livePrompt = 'Describe what happens in the video.'

/** What it is asked before pictures whose things it lists. */
const listPrompt = 'List what is on the stage.'

export interface LiveOptions {
  /** Side of the split; "train" by default. */
  split?: Split
  seed?: number
  /** Clips; without an end by default. */
  length?: number
  /** Frames of a clip, from .. to. Default 4 to 16. */
  frames?: [number, number]
  /** How often something happens in a frame, from .. to, one number for a clip. Default 0.4 to 0.8. */
  eventChance?: [number, number]
  /**
   * Share of clips that begin in the middle: up to `forgotten` frames of which only the captions are left, as after a caption stream
   * has moved its window, and before them some that are gone. Default 0.
   */
  middle?: number
  /** Default 9. */
  forgotten?: number
  /**
   * Share of clips whose frames have nothing to do with one another: of each, everything on the stage is listed. A frame of a scene
   * teaches at most one name, such a one three or four. Default 0.
   */
  lists?: number
  /** Leave the pictures out: what can be guessed without seeing. */
  blind?: boolean
}

const nothing: RgbImage = { widthPx: 1, heightPx: 1, data: new Uint8Array(3) }

/** Grey, one image token: what a model is shown that sees nothing. [16, 16, 3] */
export const blankFrame: RgbImage = { widthPx: 16, heightPx: 16, data: new Uint8Array(16 * 16 * 3).fill(128) }

/** Clip `index` depends on the options and `index` alone. @throws CasaError for missing packages or options out of range. */
export default function createLiveDataset(options: LiveOptions = {}): Dataset {
  const { split = 'train', seed = 1, length = Infinity, blind = false } = options
  const { frames = [4, 16], eventChance = [0.4, 0.8], middle = 0, forgotten = 9, lists = 0 } = options
  if (!(frames[0] >= 1 && frames[1] >= frames[0])) throw new CasaError(`frames: expected [from, to] of 1 or more, got ${frames}`)
  if (!(eventChance[0] > 0 && eventChance[1] <= 1 && eventChance[1] >= eventChance[0])) {
    throw new CasaError(`eventChance: expected [from, to] above 0 and up to 1, got ${eventChance}`)
  }
  const material = loadLiveMaterial(split)
  const painter = createPainter(material)
  return {
    name: `live-${split}`,
    length,
    async get(index) {
      const random = createRandom(seed, index, 1)
      const id = `live-${split}-${seed}-${index}`
      if (!blind && lists > 0 && random.chance(lists)) {
        const content = await listFrames(material, painter, random, { count: random.integer(3, 8), seed, index })
        return { id, task: 'list', messages: conversation(listPrompt, content) }
      }
      const count = random.integer(...frames)
      const chance = random.between(...eventChance)
      const [gone, unseen] = random.chance(middle) ? [random.integer(0, 20), random.integer(1, forgotten)] : [0, 0]
      const before = gone + unseen
      // With the first picture after text alone nobody can tell what is new: nothing is.
      const quietAt = before > 0 ? before : -1
      const play = playScene(material, painter, {
        seeds: [seed, index],
        eventChance: (frame) => (frame === quietAt ? 0 : chance),
      })
      const content: ContentPart[] = []
      for (let frame = 0; frame < before + count; frame++) {
        const { caption, paint } = play.next().value
        if (frame < gone) continue
        const image = frame < before ? nothing : blind ? blankFrame : await paint()
        content.push({ type: 'image', image, unseen: frame < before }, { type: 'text', text: caption, stop: true })
      }
      return { id, task: 'live', messages: conversation(livePrompt, content) }
    },
  }
}

const conversation = (prompt: string, content: ContentPart[]): Message[] => [
  { role: 'user', content: [{ type: 'text', text: prompt }] },
  { role: 'assistant', content },
]

/** Frames of scenes of their own, each with the list of what is on its stage. */
async function listFrames(
  material: LiveMaterial,
  painter: Painter,
  random: Random,
  { count, seed, index }: { count: number; seed: number; index: number },
): Promise<ContentPart[]> {
  const content: ContentPart[] = []
  for (let frame = 0; frame < count; frame++) {
    const scene = createScene(material, random, { ...kindWeights, appear: 20, leave: 0, shrink: 4 })
    for (let steps = random.integer(2, 7); steps > 0; steps--) scene.step(1)
    const image = await painter.paint(painter.sprites(scene.things), drawBackdrop(random), hashIntegers(seed, index, frame))
    content.push({ type: 'image', image }, { type: 'text', text: listOf(scene.things), stop: true })
  }
  return content
}
