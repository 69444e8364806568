/**
 * The bench of an operator: ours and its peers on the same inputs, in turns, so that other load on the machine affects all equally.
 * Times are medians; the ratio is the median over rounds of the peer's time divided by ours. wasm and cpu run on one thread, so there
 * this process's processor time is measured, which other processes do not affect; on a GPU it is the wall-clock time.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from '../engine/tensor.ts'

export interface OpBench {
  /** The operator with its sizes. */
  name: string
  /** Bytes that one run must read and write at the least. */
  bytes?: number
  /** Floating-point operations that the result needs: recomputation to save memory is not counted. */
  operations?: number
  /** Makes the inputs and returns the functions to time, ours first. The bench frees inputs and results. */
  contestants(): Record<string, Run>
}

export interface BenchRow {
  name: string
  contestant: string
  medianMs: number
  /** How many times as long as ours. */
  ratio: number
  gigabytesPerSecond?: number
  gigaflops?: number
}

type Run = () => Tensor | Tensor[] | void

/** A sample is at least this long: below it clocks are too coarse. */
const sampleMs = 2

/** Runs each candidate a few times to warm up, then all of them in rounds until the time budget is used, at least five. */
export async function runBench(bench: OpBench, budgetMs = 500): Promise<BenchRow[]> {
  tf.engine().startScope(bench.name)
  try {
    const contestants = []
    for (const [contestant, run] of Object.entries(bench.contestants())) {
      await timed(run, 2)
      const once = await timed(run, 1)
      contestants.push({ contestant, run, repeats: Math.ceil(sampleMs / Math.max(once, 1e-3)), times: [] as number[] })
    }
    const end = performance.now() + budgetMs
    while (performance.now() < end || contestants[0]!.times.length < 5) {
      for (const { run, repeats, times } of contestants) times.push(await timed(run, repeats))
    }
    const ours = contestants[0]!.times
    return contestants.map(({ contestant, times }) => {
      const medianMs = median(times)
      return {
        name: bench.name,
        contestant,
        medianMs,
        ratio: median(times.map((time, round) => time / ours[round]!)),
        ...(bench.bytes && { gigabytesPerSecond: bench.bytes / medianMs / 1e6 }),
        ...(bench.operations && { gigaflops: bench.operations / medianMs / 1e6 }),
      }
    })
  } finally {
    tf.engine().endScope()
  }
}

/** Milliseconds of one run, until its result can be read. */
async function timed(run: Run, repeats: number): Promise<number> {
  const onGpu = tf.getBackend() === 'webgpu'
  const clock = onGpu || typeof process === 'undefined' ? () => performance.now() : processorMs
  const start = clock()
  for (let i = 0; i < repeats; i++) {
    const result = tf.tidy(run as () => tf.TensorContainer) as Tensor | Tensor[] | undefined
    const outputs = result ? [result].flat() : []
    // Only a GPU is still busy after the call; reading one output waits for its queue.
    if (onGpu) await outputs[0]?.data()
    tf.dispose(outputs)
  }
  return (clock() - start) / repeats
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

/** Rows as a markdown table. */
export function benchTable(rows: BenchRow[]): string {
  const cell = (value: number | undefined, digits: number) => (value === undefined ? '' : value.toFixed(digits))
  const lines = rows.map(
    ({ name, contestant, medianMs, ratio, gigabytesPerSecond, gigaflops }) =>
      `| ${name} | ${contestant} | ${medianMs.toFixed(3)} | ${ratio.toFixed(2)} | ${cell(gigabytesPerSecond, 1)} | ${cell(gigaflops, 1)} |`,
  )
  return ['| what | who | ms | times ours | GB/s | GFLOP/s |', '| --- | --- | ---: | ---: | ---: | ---: |', ...lines].join('\n')
}
