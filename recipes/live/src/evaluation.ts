/**
 * Held-out scenes as a task, for `casa eval MODEL --data recipes/live/src/evaluation.ts`: the model watches each as a video, frame by frame,
 * and what it says is scored event by event. The score is F1, with the interval of a bootstrap over scenes; the table has it by kind.
 */
import type { RgbImage } from '@casa-js/base'
import { type Example } from '@casa-js/core'
import { defineMetric, defineTask, type Metric, type Task } from '@casa-js/eval'
import { playScene } from './clip.ts'
import { livePrompt } from './dataset.ts'
import { loadLiveMaterial } from './material.ts'
import { f1WithInterval, formatScore, measures, scoreScenes, total, type Said } from './score.ts'
import { createPainter } from './stage.ts'
import { heldOutScene } from './watch.ts'

/** Frames of a scene: 20 s. */
const frames = 40

interface Scene extends Example {
  /** The right sentences of each frame. */
  right: (readonly string[])[]
}

const saidIn = ({ prediction, reference }: { prediction: string; reference: readonly (readonly string[])[] }): Said[] => {
  const lines = prediction.split('\n')
  return reference.map((right, frame) => ({ right, said: lines[frame] ?? '' }))
}

/** F1 of whole sentences. A scene's own score is its F1; 1 where there was nothing to say and nothing was said. */
export const eventF1: Metric<readonly (readonly string[])[]> = defineMetric({
  name: 'F1 of events',
  score(prediction, reference) {
    const { f1 } = measures(total(scoreScenes([saidIn({ prediction, reference })])))
    return Number.isNaN(f1) ? 1 : f1
  },
  summarise(answers) {
    const scenes = answers.map(saidIn)
    const score = scoreScenes(scenes)
    const { precision, recall, f1, delayFrames } = measures(total(score))
    const numbers = { events: total(score).events, precision, recall, f1, delayFrames, silenceKept: score.kept / score.quiet }
    return { numbers, main: 'f1', interval: f1WithInterval(scenes).interval, table: formatScore(scenes) }
  },
})

/** @param options.seed 1 for the scenes of the model's card; others for scenes that nobody has seen */
export default function createLiveTask({ count, seed }: { count: number; seed: number }): Task {
  const material = loadLiveMaterial('heldOut')
  const painter = createPainter(material)
  return defineTask<readonly (readonly string[])[], Scene>({
    name: 'live',
    mode: 'stream',
    dataset: {
      name: `live-scenes-${seed}`,
      length: count,
      async get(index) {
        const play = playScene(material, painter, heldOutScene(seed, index))
        const right: string[][] = []
        const images: RgbImage[] = []
        while (images.length < frames) {
          const frame = play.next().value
          right.push(frame.right)
          images.push(await frame.paint())
        }
        const content = [
          { type: 'text', text: livePrompt } as const,
          ...images.map((image) => ({ type: 'image', image }) as const),
        ]
        return { id: `scene-${index}`, task: 'live', messages: [{ role: 'user', content }], right }
      },
    },
    prompt: ({ messages }) => messages,
    reference: ({ right }) => right,
    metric: eventF1,
  }) as Task
}
