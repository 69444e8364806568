/**
 * A contestant of `pnpm bench`, in a separate process: the reference decoder's AdamW step, its batch shared by worker threads.
 * Prints one line of JSON, as bench/run-case.node.ts does.
 *
 *   data-parallel.ts WORKERS
 *
 * A step is what `train` does between two events: each worker's gradients, their sum over workers, its norm, the update.
 */
import { fromScratch } from '@casa-js/train'
import { train } from '@casa-js/train/node'
import { adamw } from './decoder/decoder-shape.ts'
import { ours } from './peers/ours.node.ts'
import type { CaseResult } from './peers/peer.ts'
import { processorMs } from './processor-time.node.ts'

const steps = 12
/** Warm-up: every worker compiles its own kernels, and V8 optimises them only after a while. */
const warmUps = 3

async function measure(workers: number): Promise<CaseResult> {
  const program = {
    module: new URL('./decoder/reference-decoder-program.ts', import.meta.url).href,
    options: { shards: workers },
  }
  const schedule = { steps, warmup: 0, cooldown: 0 }
  const loop = { schedule, groups: fromScratch(adamw.learningRate), shards: workers, config: { fixed: {}, tunable: {} } }
  const result: CaseResult = { ...ours, setting: '', times: [], processorTimes: [] }
  const before = process.resourceUsage().maxRSS
  let [last, lastProcessor] = [0, 0]
  for await (const event of train({ program, loop, workers, device: 'wasm' })) {
    if (event.kind === 'start') result.setting = ['wasm', `${event.workers} workers`, ...event.device.features].join(', ')
    if (event.kind !== 'step') continue
    const [now, nowProcessor] = [performance.now(), processorMs()]
    result.value ??= event.loss
    if (event.step >= warmUps) {
      result.times.push(now - last)
      result.processorTimes.push(nowProcessor - lastProcessor)
    }
    ;[last, lastProcessor] = [now, nowProcessor]
  }
  return { ...result, peakBytes: (process.resourceUsage().maxRSS - before) * 1024 }
}

console.log(JSON.stringify(await measure(Number(process.argv[2]))))
