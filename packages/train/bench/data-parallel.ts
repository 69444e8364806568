/**
 * One AdamW step of the reference decoder, batch 8 x 128: on one thread, and shared by two workers.
 * Run: node --conditions=@casa-js/source --import tsx packages/train/bench/data-parallel.ts [steps]
 */
import { cpus, loadavg } from 'node:os'
import { fromScratch } from '@casa-js/train'
import { train } from '@casa-js/train/node'
import { referenceShape } from '../../tensor/bench/decoder-shape.ts'

const steps = Number(process.argv[2] ?? 15)
const WARM_UP = 3

/** Median milliseconds between updates, and milliseconds of processor time that all threads spend on one: sound on a busy machine too. */
async function measure(workers: number): Promise<{ workers: number; stepMs: number; cpuMs: number }> {
  const program = { module: new URL('./reference-decoder-program.ts', import.meta.url).href, options: { samples: referenceShape.batch / workers } }
  const loop = { schedule: { steps, warmup: 0, cooldown: 0 }, groups: fromScratch(), clip: 1, shards: workers, config: { fixed: {}, tunable: {} } }
  const times: number[] = []
  let last = 0
  let cpuStart = process.cpuUsage()
  let cpu = cpuStart
  for await (const event of train({ program, loop, workers, device: 'wasm' })) {
    if (event.kind !== 'step') continue
    const now = performance.now()
    if (event.step >= WARM_UP) times.push(now - last)
    else cpuStart = process.cpuUsage()
    last = now
    cpu = process.cpuUsage(cpuStart)
  }
  const stepMs = Math.round(times.sort((a, b) => a - b)[Math.floor(times.length / 2)])
  return { workers, stepMs, cpuMs: Math.round((cpu.user + cpu.system) / 1000 / times.length) }
}

const results = []
for (const workers of [1, 2]) results.push(await measure(workers))
console.log(JSON.stringify({ machine: `${cpus().length} x ${cpus()[0]?.model}`, load: loadavg()[0], results, speedUp: +(results[0].stepMs / results[1].stepMs).toFixed(2) }))
