/**
 * The bench of an operator: ours and its peers on the same inputs, in turns, so that what else the machine does hits all alike.
 * Times are medians; the ratio is the median over rounds of peer's time by ours.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from '../engine/tensor.ts'

export interface OpBench {
  /** The operator with its sizes. */
  name: string
  /** Bytes that one run must read and write at the least. */
  bytes?: number
  /** Floating-point operations of one run. */
  operations?: number
  /** Makes the inputs and says what to time, ours first. Inputs and results are freed by whoever runs the bench. */
  contestants(): Record<string, () => Tensor | Tensor[] | void>
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

/** Every contestant a few times to warm up, then rounds of all until the budget is spent, five at least. */
export async function runBench(bench: OpBench, budgetMs = 500): Promise<BenchRow[]> {
  tf.engine().startScope(bench.name)
  try {
    const contestants = Object.entries(bench.contestants())
    const times = contestants.map((): number[] => [])
    for (let warmUp = 0; warmUp < 3; warmUp++) for (const [, run] of contestants) await timed(run)
    const end = performance.now() + budgetMs
    while (performance.now() < end || times[0].length < 5) {
      for (const [i, [, run]] of contestants.entries()) times[i].push(await timed(run))
    }
    return contestants.map(([contestant], i) => {
      const medianMs = median(times[i])
      return {
        name: bench.name,
        contestant,
        medianMs,
        ratio: median(times[i].map((time, round) => time / times[0][round])),
        ...(bench.bytes && { gigabytesPerSecond: bench.bytes / medianMs / 1e6 }),
        ...(bench.operations && { gigaflops: bench.operations / medianMs / 1e6 }),
      }
    })
  } finally {
    tf.engine().endScope()
  }
}

/** Milliseconds of one run, until its result could be read. */
async function timed(run: () => Tensor | Tensor[] | void): Promise<number> {
  const start = performance.now()
  const result = tf.tidy(run as () => tf.TensorContainer) as Tensor | Tensor[] | undefined
  const outputs = result ? [result].flat() : []
  // Only a GPU works on after the call; its queue is drained by reading one output.
  if (tf.getBackend() === 'webgpu') await outputs[0]?.data()
  const elapsed = performance.now() - start
  tf.dispose(outputs)
  return elapsed
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
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
