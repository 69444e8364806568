/**
 * One long held-out video through the streaming captioner, two frames a second, by tenths: does anything get worse, or grow?
 *
 *     pnpm --filter @casa-js/live hours --model FOLDER [--minutes 120] [--seed 1] [--log FILE]
 *
 * `--log` writes a line for each frame as it goes, { said, cachedTokens, tensorBytes, rssBytes }. Many short scenes are evaluated by
 * `casa eval`, see ../evaluation.ts.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { close, init } from '@casa-js/tensor'
import { loadVlm } from '@casa-js/vlm'
import { loadLiveMaterial } from '../material.ts'
import { f1WithInterval, formatEstimate, measures, piecesOf, scoreScenes, total } from '../score.ts'
import { createPainter } from '../stage.ts'
import { evaluationSeed, watch, type Watched } from '../watch.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    minutes: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
  },
})

type Seen = Watched & { rssBytes: number }

const material = loadLiveMaterial('heldOut')
await init({ device: 'wasm' })
const vlm = await loadVlm(values.model!, { weights: 'float32' })
if (values.log) writeFileSync(values.log, '')
const frames: Seen[] = []
for await (const { right, ...frame } of watch(vlm, material, createPainter(material), {
  seeds: [evaluationSeed(Number(values.seed))],
  frames: Number(values.minutes) * 120,
  eventChance: 0.35,
})) {
  const line = { ...frame, rssBytes: process.memoryUsage.rss() }
  if (values.log) appendFileSync(values.log, `${JSON.stringify(line)}\n`)
  frames.push({ right, ...line })
}
vlm.dispose()
await close()

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
  const all = total(score)
  const most = (of: (frame: Seen) => number) => Math.max(...here.map(of))
  const row = [
    part < 10 ? `tenth ${part + 1}` : 'all',
    all.events,
    formatEstimate(f1WithInterval(pieces)),
    measures(all).delayFrames.toFixed(2),
    `${((100 * score.kept) / score.quiet).toFixed(1)} %`,
    most(({ cachedTokens }) => cachedTokens),
    (most(({ tensorBytes }) => tensorBytes) / 1e6).toFixed(1),
    (most(({ rssBytes }) => rssBytes) / 1e6).toFixed(0),
  ]
  console.log(`| ${row.join(' | ')} |`)
}
