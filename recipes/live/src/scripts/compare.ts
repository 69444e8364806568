/**
 * CASA, cross-attention, insertion and a model without pictures at a small budget, three seeds: trains and judges what is missing.
 *
 *     pnpm --filter @casa-js/live start --fresh --encoder model --out live-compared
 *     pnpm --filter @casa-js/live compare [--folder ../../runs/live-compared] [--seeds 1,2,3] [--events 600]
 *
 * FOLDER/results.jsonl gets a line for each cell: what was said in each frame of the held-out scenes, and the loss on the clips of the last
 * 50 updates. Stop it at any time: the same command goes on, with a cell that was cut short from its last checkpoint.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { METRICS_FILE, prepareRun, readMetrics, train } from '@casa-js/train/node'
import { loadVlm } from '@casa-js/vlm'
import { comparedRun, variants, type Variant } from '../variants.ts'
import { loadLiveMaterial } from '../material.ts'
import { formatEstimate, f1WithInterval, type Said } from '../score.ts'
import { createPainter } from '../stage.ts'
import { watchScenes } from '../watch.ts'

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '../../runs/live-compared' },
    seeds: { type: 'string', default: '1,2,3' },
    events: { type: 'string', default: '600' },
  },
})
const folder = resolve(values.folder)
// References of a run start from here.
const runFile = fileURLToPath(new URL('../../run.ts', import.meta.url))
const resultsFile = join(folder, 'results.jsonl')

interface Compared {
  variant: Variant
  seed: number
  updates: number
  /** Mean over the last 50 updates, nats per token. No clip is seen twice. */
  loss: number
  /** Of training, in this process. */
  processorSeconds: number
  /** What was said in each frame of each scene. */
  said: string[][]
}

async function trainCell(variant: Variant, seed: number): Promise<Pick<Compared, 'updates' | 'loss' | 'processorSeconds'>> {
  const before = process.cpuUsage()
  const definition = comparedRun(variant, seed, folder)
  const { run, options } = await prepareRun(runFile, { definition, resume: true, overrides: { device: 'wasm' } })
  for await (const event of train({ ...options, onWarning: console.warn }))
    if (event.kind === 'step' && event.step % 50 === 0) console.log(`${variant} ${seed}: ${event.step} ${event.loss.toFixed(3)}`)
  const { user, system } = process.cpuUsage(before)
  const last = (await readMetrics(join(options.out, METRICS_FILE)))
    .flatMap((row) => (row.kind === 'step' ? [row.loss] : []))
    .slice(-50)
  const loss = last.reduce((sum, one) => sum + one, 0) / last.length
  return { updates: run.steps, loss, processorSeconds: Math.round((user + system) / 1e6) }
}

const material = loadLiveMaterial('heldOut')
const painter = createPainter(material)

/** Scenes of 16 frames, for which token insertion still has room. */
async function judgeCell(variant: Variant, seed: number): Promise<Said[][]> {
  await init({ device: 'wasm' })
  const vlm = await loadVlm(join(folder, `${variant}-${seed}`, 'model'), { weights: 'float32' })
  const scenes: Said[][] = []
  const options = { events: Number(values.events), frames: 16, capacityTokens: 1024, blank: variant === 'blind' }
  try {
    for await (const scene of watchScenes(vlm, material, painter, options)) scenes.push(scene)
  } finally {
    vlm.dispose()
    await close()
  }
  return scenes
}

const done: Compared[] = existsSync(resultsFile)
  ? readFileSync(resultsFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Compared)
  : []
// Seeds outermost: a comparison that is cut short has whole seeds.
for (const seed of values.seeds.split(',').map(Number)) {
  for (const variant of variants) {
    if (done.some((one) => one.variant === variant && one.seed === seed)) continue
    const trained = await trainCell(variant, seed)
    const scenes = await judgeCell(variant, seed)
    const said = scenes.map((frames) => frames.map((frame) => frame.said))
    appendFileSync(resultsFile, `${JSON.stringify({ variant, seed, ...trained, said } satisfies Compared)}\n`)
    console.log(`${variant} ${seed}: loss ${trained.loss.toFixed(3)}, F1 ${formatEstimate(f1WithInterval(scenes))}`)
  }
}
