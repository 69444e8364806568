/**
 * Held-out scenes through the streaming captioner, frame by frame, as a user's video goes:
 *
 *     pnpm --filter @casa-js/live evaluate --model FOLDER [--events 3000] [--seed 1000] [--frames 40] [--blank] [--show 0]
 *
 *     pnpm --filter @casa-js/live evaluate --model FOLDER --minutes 120     one video of two hours: its first against its last tenth
 *
 * `--blank` shows the model grey frames instead: what it says without seeing. `--show 3` prints three scenes.
 */
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { loadLiveMaterial } from '../material.ts'
import { addScene, emptyScore, formatScore, measures, total } from '../score.ts'
import { createPainter } from '../stage.ts'
import { watch } from '../watch.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    events: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1000' },
    frames: { type: 'string', default: '40' },
    minutes: { type: 'string' },
    blank: { type: 'boolean', default: false },
    split: { type: 'string', default: 'heldOut' },
    show: { type: 'string', default: '0' },
  },
})
await init({ device: 'wasm' })
const vlm = await loadVlm(values.model!, { weights: 'float32' })
const material = loadLiveMaterial(values.split as 'train' | 'heldOut')
const painter = createPainter(material)
const seed = Number(values.seed)

/** Many short scenes. */
async function evaluateScenes(wanted: number): Promise<void> {
  const score = emptyScore()
  let events = 0
  for (let scene = 0; events < wanted; scene++) {
    const options = { seeds: [seed, scene], frames: Number(values.frames), blank: values.blank }
    const frames = await watch(vlm, material, painter, options)
    addScene(score, frames)
    events += frames.filter(({ event }) => event).length
    if (scene >= Number(values.show)) continue
    for (const { caption, said } of frames) if (caption || said) console.log(`${caption.padEnd(40)} | ${said}`)
    console.log()
  }
  console.log(formatScore(score))
}

/** One long one, two frames a second. */
async function evaluateHours(minutes: number): Promise<void> {
  const frames = await watch(vlm, material, painter, { seeds: [seed], frames: minutes * 120, eventChance: 0.35 })
  const tenth = Math.floor(frames.length / 10)
  for (const [name, part] of [
    ['first tenth', frames.slice(0, tenth)],
    ['last tenth', frames.slice(-tenth)],
    ['all', frames],
  ] as const) {
    const score = emptyScore()
    addScene(score, part)
    const { f1, precision, recall, delayFrames } = measures(total(score))
    const numbers = [f1, precision, recall, score.kept / score.quiet].map((value) => `${(100 * value).toFixed(1)} %`)
    console.log(`${name}: F1 ${numbers[0]}, precision ${numbers[1]}, recall ${numbers[2]}, silence kept ${numbers[3]}`)
    console.log(`  ${total(score).events} events, delay ${delayFrames.toFixed(2)} frames`)
  }
  console.log(`text in the cache: at most ${Math.max(...frames.map(({ cachedTokens }) => cachedTokens))} tokens`)
}

if (values.minutes) await evaluateHours(Number(values.minutes))
else await evaluateScenes(Number(values.events))
vlm.dispose()
await close()
