/**
 * CASA, cross-attention, insertion and a model without pictures at a small budget, over seeds: trains and judges what is missing, then
 * prints the table.
 *
 *     pnpm --filter @casa-js/live start --fresh --encoder model --out live-compared
 *     pnpm --filter @casa-js/live compare [--folder ../../runs/live-compared] [--seeds 1,2,3] [--events 600]
 *
 * FOLDER/results.jsonl gets a line for each cell: what was said in each frame of the held-out scenes; FOLDER/loss.svg shows the losses.
 * Stop it at any time: the same command goes on, with a cell that was cut short from its last checkpoint.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { METRICS_FILE, prepareRun, readMetrics, train } from '@casa-js/train/node'
import { loadVlm } from '@casa-js/vlm'
import { playScene } from '../clip.ts'
import { comparisonTable, lossChart, type ComparedCell } from '../compared.ts'
import { loadLiveMaterial } from '../material.ts'
import { formatEstimate, f1WithInterval, type Said } from '../score.ts'
import { createPainter } from '../stage.ts'
import { comparedRun, variants, type Variant } from '../variants.ts'
import { heldOutScene, watchScenes } from '../watch.ts'

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

interface CellLine {
  variant: Variant
  seed: number
  processorSeconds: number
  /** What was said in each frame of each scene. */
  said: string[][]
}

/** @returns processor seconds */
async function trainCell(variant: Variant, seed: number): Promise<number> {
  const before = process.cpuUsage()
  const definition = comparedRun(variant, seed, folder)
  const { options } = await prepareRun(runFile, { definition, resume: true, overrides: { device: 'wasm' } })
  for await (const event of train({ ...options, onWarning: console.warn }))
    if (event.kind === 'step' && event.step % 50 === 0) console.log(`${variant} ${seed}: ${event.step} ${event.loss.toFixed(3)}`)
  const { user, system } = process.cpuUsage(before)
  return Math.round((user + system) / 1e6)
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

/** A cell that was judged, beside what is right. */
async function cellOf({ variant, seed, processorSeconds, said }: CellLine): Promise<ComparedCell> {
  const metrics = await readMetrics(join(folder, `${variant}-${seed}`, METRICS_FILE))
  const scenes = said.map((lines, scene) => {
    const play = playScene(material, painter, heldOutScene(1, scene))
    return lines.map((line) => ({ right: play.next().value.right, said: line }))
  })
  const losses = metrics.flatMap((row) => (row.kind === 'step' ? [row.loss] : []))
  return { variant, seed, processorSeconds, losses, scenes }
}

const done: CellLine[] = existsSync(resultsFile)
  ? readFileSync(resultsFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as CellLine)
  : []
// Seeds outermost: a comparison that is cut short has whole seeds.
for (const seed of values.seeds.split(',').map(Number)) {
  for (const variant of variants) {
    if (done.some((one) => one.variant === variant && one.seed === seed)) continue
    const processorSeconds = await trainCell(variant, seed)
    const scenes = await judgeCell(variant, seed)
    const line: CellLine = {
      variant,
      seed,
      processorSeconds,
      said: scenes.map((frames) => frames.map((frame) => frame.said)),
    }
    appendFileSync(resultsFile, `${JSON.stringify(line)}\n`)
    done.push(line)
    console.log(`${variant} ${seed}: F1 ${formatEstimate(f1WithInterval(scenes))}`)
  }
}
const cells = await Promise.all(done.map(cellOf))
writeFileSync(join(folder, 'loss.svg'), lossChart(cells))
console.log(comparisonTable(cells))
