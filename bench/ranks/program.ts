/**
 * A program whose size is easily chosen: a stack of square linear layers with SiLU between them, each a block. It measures what its rank
 * does and prints it when it is closed: the median update, the tensors that live between updates, the largest that lived during one.
 */
import type { Program } from '@casa-js/train'
import { add, block, linear, mean, memory, multiply, silu, tensor, type Tensor } from '@casa-js/tensor'

export interface StackOptions {
  width: number
  depth: number
  /** Rows of a micro-batch. */
  rows: number
}

/** What a rank prints, as a line of JSON. */
export interface RankReport {
  /** Median time of an update. */
  updateMs: number
  /** Processor time of an update, of this process. */
  processorMs: number
  /** Tensors between updates: weights and moments. */
  restingMb: number
  /** Largest memory of the process so far. */
  processMb: number
}

const MB = 1e6

export function createProgram({ width, depth, rows }: StackOptions): Program<null> {
  const params: Record<string, Tensor> = {}
  for (let layer = 0; layer < depth; layer++) {
    const values = Float32Array.from({ length: width * width }, (_, i) => Math.sin(i * 12.9 + layer) / Math.sqrt(width))
    params[`layers.${layer}.weight`] = tensor(values, [width, width])
  }
  const input = tensor(
    Float32Array.from({ length: rows * width }, (_, i) => Math.cos(i)),
    [rows, width],
  )
  const times: number[] = []
  const processor: number[] = []
  let last: { at: number; cpu: number } | undefined
  let restingBytes = 0
  let firstShard: number | undefined
  return {
    params,
    loss() {
      let h = input
      for (const weight of Object.values(params)) {
        const x = h
        h = block(() => add(x, silu(linear(x, weight))))
      }
      return mean(multiply(h, h))
    },
    stream: (shard) => ({
      async next() {
        firstShard ??= shard
        if (shard === firstShard) {
          const { user, system } = process.cpuUsage()
          const now = { at: performance.now(), cpu: (user + system) / 1000 }
          if (last) {
            times.push(now.at - last.at)
            processor.push(now.cpu - last.cpu)
          }
          last = now
          restingBytes = memory().bytes
        }
        return { batch: null, examples: ['stack'], tokens: rows, counted: rows }
      },
      position: () => [],
      seek() {},
    }),
    async close() {
      const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
      const report: RankReport = {
        updateMs: median(times),
        processorMs: median(processor),
        restingMb: restingBytes / MB,
        processMb: (process.resourceUsage().maxRSS * 1024) / MB,
      }
      console.log(JSON.stringify(report))
    },
  }
}
