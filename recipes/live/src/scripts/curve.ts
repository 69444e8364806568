/**
 * How far training has come: the checkpoints of a run folder on the same held-out events, as a chart of F1 against updates.
 *
 *     pnpm --filter @casa-js/live curve --run ../../runs/live-more [--every 100] [--events 400] [--model model] [--from 0] [--out curve]
 *
 * Writes OUT.json and OUT.svg. Checkpoints that OUT.json has are not evaluated again, so it can run beside training. `--model` is the folder
 * that training started from: its config and tokenizer are the checkpoints' too. `--from` counts updates before this run.
 */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chartFile } from '@casa-js/eval/internal'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { loadLiveMaterial } from '../material.ts'
import type { EventKind } from '../scene.ts'
import { f1WithInterval, type Said } from '../score.ts'
import { createPainter } from '../stage.ts'
import { watchScenes } from '../watch.ts'

const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    model: { type: 'string', default: 'model' },
    every: { type: 'string', default: '100' },
    events: { type: 'string', default: '400' },
    from: { type: 'string', default: '0' },
    out: { type: 'string', default: 'curve' },
  },
})

interface Point {
  updates: number
  f1: number
  interval: [number, number]
  kinds: Partial<Record<EventKind, number>>
}

const drawnKinds = ['appear', 'leave', 'sign', 'counter', 'count'] as const
const material = loadLiveMaterial('heldOut')
const painter = createPainter(material)

async function pointOf(weights: string, updates: number): Promise<Point> {
  const folder = mkdtempSync(join(tmpdir(), 'live-curve-'))
  try {
    for (const name of readdirSync(values.model))
      if (name.endsWith('.json')) copyFileSync(join(values.model, name), join(folder, name))
    copyFileSync(weights, join(folder, 'model.safetensors'))
    const vlm = await loadVlm(folder, { weights: 'float32' })
    const scenes: Said[][] = []
    try {
      const options = { events: Number(values.events), frames: 40 }
      for await (const scene of watchScenes(vlm, material, painter, options)) scenes.push(scene)
    } finally {
      vlm.dispose()
    }
    const { value: f1, interval } = f1WithInterval(scenes)
    return {
      updates,
      f1,
      interval,
      kinds: Object.fromEntries(drawnKinds.map((kind) => [kind, f1WithInterval(scenes, kind).value])),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function chartOf(points: readonly Point[]): string {
  const series = ['all', ...drawnKinds].map((name, colour) => ({
    name,
    colour,
    dots: true,
    points: points.map(({ updates, f1, interval: [low, high], kinds }) =>
      name === 'all'
        ? { x: updates, y: 100 * f1, low: 100 * low, high: 100 * high }
        : { x: updates, y: 100 * kinds[name as EventKind]! },
    ),
  }))
  return chartFile({ title: `F1, % (the first ${values.events} held-out events)`, xLabel: 'updates', log: false, series })
}

await init({ device: 'wasm' })
const file = `${values.out}.json`
const points = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Point[]) : []
const folder = join(values.run!, 'checkpoints')
for (const name of readdirSync(folder).sort()) {
  const step = Number(/^step-(\d+)$/.exec(name)?.[1] ?? NaN)
  const updates = Number(values.from) + step
  if (!(step % Number(values.every) === 0) || points.some((point) => point.updates === updates)) continue
  points.push(await pointOf(join(folder, name, 'weights.safetensors'), updates))
  points.sort((one, other) => one.updates - other.updates)
  writeFileSync(file, `${JSON.stringify(points, null, 1)}\n`)
  console.log(`${updates} updates: F1 ${(100 * points.find((point) => point.updates === updates)!.f1).toFixed(1)} %`)
}
writeFileSync(`${values.out}.svg`, chartOf(points))
await close()
