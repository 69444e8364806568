/**
 * Held-out scenes through the streaming captioner, frame by frame, as a user's video goes:
 *
 *     pnpm --filter @casa-js/live evaluate --model FOLDER [--events 3000] [--seed 1000] [--frames 40] [--capacity 384] [--blank] [--log FILE [--resume]]
 *
 *     pnpm --filter @casa-js/live evaluate --model FOLDER --minutes 120     one video of two hours: its first against its last tenth
 *
 * `--capacity` is the text tokens that the cache holds: token insertion needs room for all frames, as its text cannot slide. `--blank` shows the
 * model grey frames instead: what it says without seeing. `--show 3` prints three scenes. `--log` writes a line for
 * each frame as it goes, { scene, frame, kind, caption, said, cachedTokens, tensorBytes, rssBytes }; with `--resume` scenes that are in the log already are not
 * shown to the model again, so that a long evaluation may be interrupted, and its log scored at any time with fewer `--events`.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { playScene } from '../clip.ts'
import { loadLiveMaterial } from '../material.ts'
import { f1WithInterval, formatEstimate, formatScore, measures, piecesOf, scoreScenes, total } from '../score.ts'
import { createPainter } from '../stage.ts'
import { liveCapacityTokens, watch, type Watched, type WatchOptions } from '../watch.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    events: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1000' },
    frames: { type: 'string', default: '40' },
    capacity: { type: 'string' },
    minutes: { type: 'string' },
    blank: { type: 'boolean', default: false },
    split: { type: 'string', default: 'heldOut' },
    show: { type: 'string', default: '0' },
    log: { type: 'string' },
    resume: { type: 'boolean', default: false },
  },
})
await init({ device: 'wasm' })
const vlm = await loadVlm(values.model!, { weights: 'float32' })
const material = loadLiveMaterial(values.split as 'train' | 'heldOut')
const painter = createPainter(material)
const seed = Number(values.seed)
const capacityTokens = values.capacity === undefined ? liveCapacityTokens : Number(values.capacity)

interface Logged {
  scene: number
  frame: number
  said: string
  cachedTokens: number
  tensorBytes: number
  /** Resident memory of the process. */
  rssBytes: number
}
type Seen = Watched & Pick<Logged, 'rssBytes'>
const logged: Logged[] =
  values.resume && values.log && existsSync(values.log)
    ? readFileSync(values.log, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Logged)
    : []
if (values.log && logged.length === 0) writeFileSync(values.log, '')

/** A scene of an earlier run, beside what is right; undefined if it is not there as a whole. */
function earlier(scene: number, { seeds, frames, eventChance = 0.5 }: WatchOptions): Seen[] | undefined {
  // By frame: a scene that was interrupted is in the log once more.
  const lines = new Map(logged.filter((line) => line.scene === scene).map((line) => [line.frame, line]))
  if (lines.size < frames) return undefined
  const play = playScene(material, painter, { seeds, eventChance })
  return Array.from({ length: frames }, (_, frame) => {
    const { event, caption } = play.next().value
    const { said, cachedTokens, tensorBytes, rssBytes } = lines.get(frame)!
    return { event, caption, said, cachedTokens, tensorBytes, rssBytes }
  })
}

/** One scene, logged as it goes. */
async function watchScene(scene: number, options: WatchOptions): Promise<Seen[]> {
  const known = earlier(scene, options)
  if (known) return known
  const frames: Seen[] = []
  for await (const { event, ...frame } of watch(vlm, material, painter, options)) {
    const rssBytes = process.memoryUsage.rss()
    const line = { scene, frame: frames.length, kind: event?.kind ?? null, ...frame, rssBytes }
    if (values.log) appendFileSync(values.log, `${JSON.stringify(line)}\n`)
    frames.push({ event, ...frame, rssBytes })
  }
  return frames
}

/** Many short scenes. */
async function evaluateScenes(wanted: number): Promise<void> {
  const scenes: Seen[][] = []
  let events = 0
  for (let scene = 0; events < wanted; scene++) {
    const frames = await watchScene(scene, {
      seeds: [seed, scene],
      frames: Number(values.frames),
      blank: values.blank,
      capacityTokens,
    })
    scenes.push(frames)
    events += frames.filter(({ event }) => event).length
    if (scene >= Number(values.show)) continue
    for (const { caption, said } of frames) if (caption || said) console.log(`${caption.padEnd(40)} | ${said}`)
    console.log()
  }
  console.log(formatScore(scenes))
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`

/** One long one, two frames a second, by tenths. */
async function evaluateHours(minutes: number): Promise<void> {
  const frames = await watchScene(0, {
    seeds: [seed],
    frames: minutes * 120,
    eventChance: 0.35,
    blank: values.blank,
    capacityTokens,
  })
  const head = [
    'part',
    'events',
    'F1 (95 % interval)',
    'delay (frames)',
    'silence kept',
    'text tokens',
    'tensors, MB',
    'resident, MB',
  ]
  console.log(`| ${head.join(' | ')} |\n| --- |${' ---: |'.repeat(head.length - 1)}`)
  const tenth = Math.floor(frames.length / 10)
  for (let part = 0; part <= 10; part++) {
    const here = part < 10 ? frames.slice(part * tenth, (part + 1) * tenth) : frames
    const pieces = piecesOf(here)
    const score = scoreScenes(pieces)
    const { delayFrames, events } = { ...measures(total(score)), ...total(score) }
    const most = (of: (frame: Seen) => number) => Math.max(...here.map(of))
    const row = [
      part < 10 ? `tenth ${part + 1}` : 'all',
      events,
      formatEstimate(f1WithInterval(pieces)),
      delayFrames.toFixed(2),
      percent(score.kept / score.quiet),
      most(({ cachedTokens }) => cachedTokens),
      (most(({ tensorBytes }) => tensorBytes) / 1e6).toFixed(1),
      (most(({ rssBytes }) => rssBytes) / 1e6).toFixed(0),
    ]
    console.log(`| ${row.join(' | ')} |`)
  }
}

if (values.minutes) await evaluateHours(Number(values.minutes))
else await evaluateScenes(Number(values.events))
vlm.dispose()
await close()
