import type { CpuKernel } from '../../engine/cpu.ts'
import type { TopKAttributes, TopKInputs } from './attributes.ts'

/** Sort each row's columns by value, descending; the sort is stable, so equal values stay in order. */
export const topKCpu: CpuKernel<TopKInputs, TopKAttributes> = ({ x }, { rows, width, k }) => {
  const values = new Float32Array(rows * k)
  const indices = new Int32Array(rows * k)
  for (let t = 0; t < rows; t++) {
    const row = x.data.subarray(t * width, (t + 1) * width)
    const best = Array.from(row.keys() as Iterable<number>)
      .sort((a, b) => row[b]! - row[a]!)
      .slice(0, k)
    indices.set(best, t * k)
    best.forEach((column, rank) => (values[t * k + rank] = row[column]!))
  }
  return [
    { data: values, shape: [rows, k] },
    { data: indices, shape: [rows, k] },
  ]
}
