/**
 * Held-out scenes through the streaming captioner, frame by frame, as a user's video goes:
 *
 *     pnpm --filter @casa-js/live evaluate --model FOLDER [--events 3000] [--seed 1000] [--frames 40] [--blank] [--show 0]
 *
 * `--blank` shows the model grey frames instead: what it says without seeing. `--show 3` prints three scenes.
 */
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { loadLiveMaterial } from '../material.ts'
import { addScene, emptyScore, formatScore } from '../score.ts'
import { createPainter } from '../stage.ts'
import { watch } from '../watch.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    events: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1000' },
    frames: { type: 'string', default: '40' },
    blank: { type: 'boolean', default: false },
    split: { type: 'string', default: 'heldOut' },
    show: { type: 'string', default: '0' },
  },
})
await init({ device: 'wasm' })
const vlm = await loadVlm(values.model!, { weights: 'float32' })
const material = loadLiveMaterial(values.split as 'train' | 'heldOut')
const painter = createPainter(material)
const score = emptyScore()
let events = 0
for (let scene = 0; events < Number(values.events); scene++) {
  const frames = await watch(vlm, material, painter, {
    seeds: [Number(values.seed), scene],
    frames: Number(values.frames),
    blank: values.blank,
  })
  addScene(score, frames)
  events += frames.filter(({ event }) => event).length
  if (scene < Number(values.show)) {
    for (const { caption, said } of frames) if (caption || said) console.log(`${caption.padEnd(40)} | ${said}`)
    console.log()
  }
}
console.log(formatScore(score))
vlm.dispose()
await close()
