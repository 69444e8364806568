import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import type { ScatterRowsAttributes, ScatterRowsInputs } from './attributes.ts'

const lanes = 128

/** One row of the table per workgroup, which adds its rows in order: no atomics are needed, and every run gives the same bits. */
const program = defineProgram({
  name: 'scatterRows',
  inputs: { added: 'f32', lists: 'i32' },
  outputs: { table: 'f32' },
  uniforms: { width: 'u32', first: 'u32', distinct: 'u32', begin: 'u32' },
  lanes,
  body: `
  let entry = u.first + group;
  let id = u32(lists[entry]) - u.begin;
  let begin = u32(lists[u.distinct + entry]);
  let end = u32(lists[u.distinct + entry + 1u]);
  for (var d = lane; d < u.width; d += ${lanes}u) {
    var sum = 0.0;
    for (var at = begin; at < end; at++) { sum += added[u32(lists[at]) * u.width + d]; }
    table[id * u.width + d] += sum;
  }`,
})

/** Rows and tables larger than one binding are processed in parts: each part of the rows is added to each part of the table. */
export const scatterRowsWebgpu: WebgpuKernel<ScatterRowsInputs, ScatterRowsAttributes> = (context, { ids, N }) => {
  const rows = context.input('rows')
  const D = rows.shape[1]!
  const table = context.output([N, D])
  context.clear(table)
  if (D === 0) return [table]
  for (const given of context.cut(ids.length, D, longestList)) {
    const { distinct, lists } = rowsById(ids.subarray(given.begin, given.begin + given.count))
    const uploaded = context.upload(lists)
    const added = { tensor: rows, begin: given.begin * D, length: given.count * D }
    let first = 0
    for (const { begin, count } of context.cut(N, D)) {
      let last = first
      while (last < distinct && lists[last]! < begin + count) last++
      const bindings = { added, lists: uploaded, table: { tensor: table, begin: begin * D, length: count * D } }
      context.run(program, bindings, { width: D, first, distinct, begin }, last - first)
      first = last
    }
  }
  return [table]
}

/** Integers that rowsById needs for a row, at most, and as many again where an upload is rounded up to a power of two. */
const longestList = 8

/**
 * Which rows go to which id, as one array:
 *   distinct ids, ascending | distinct + 1 boundaries, as positions in this array | rows, grouped by id, ascending
 */
function rowsById(ids: Int32Array): { distinct: number; lists: Int32Array } {
  const order = Array.from(ids.keys())
    .filter((t) => ids[t]! >= 0)
    .sort((a, b) => ids[a]! - ids[b]! || a - b)
  const starts = order.map((_, i) => i).filter((i) => i === 0 || ids[order[i]!] !== ids[order[i - 1]!])
  const distinct = starts.length
  const head = 2 * distinct + 1
  return {
    distinct,
    lists: Int32Array.from([...starts.map((i) => ids[order[i]!]), ...starts.map((i) => head + i), head + order.length, ...order]),
  }
}
