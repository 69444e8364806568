/** The module that training loads: clips of several frames, each with its caption and a stop token, as one conversation. */
import { CasaError, type ContentPart, type Message, type RgbImage } from '@casa-js/base'
import type { Dataset } from '@casa-js/core'
import { createRandom } from '@casa-js/data'
import type { Split } from '@casa-js/reader'
import { playScene } from './clip.ts'
import { loadLiveMaterial } from './material.ts'
import { createPainter } from './stage.ts'

/** What the model is asked before the first frame: captionStream's own words. */
export const livePrompt = 'Describe what happens in the video.'

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
  /** Leave the pictures out: what can be guessed without seeing. */
  blind?: boolean
}

const nothing: RgbImage = { widthPx: 1, heightPx: 1, data: new Uint8Array(3) }

/** Clip `index` depends on the options and `index` alone. @throws CasaError for missing packages or options out of range. */
export default function createLiveDataset(options: LiveOptions = {}): Dataset {
  const { split = 'train', seed = 1, length = Infinity, blind = false } = options
  const { frames = [4, 16], eventChance = [0.4, 0.8], middle = 0, forgotten = 9 } = options
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
        const image = frame < before ? nothing : await paint()
        if (blind) image.data.fill(128)
        content.push({ type: 'image', image, unseen: frame < before }, { type: 'text', text: caption, stop: true })
      }
      const messages: Message[] = [
        { role: 'user', content: [{ type: 'text', text: livePrompt }] },
        { role: 'assistant', content },
      ]
      return { id: `live-${split}-${seed}-${index}`, task: 'live', messages }
    },
  }
}
