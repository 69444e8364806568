/** Sums over the columns of matrices, of any term: gradients of what was added to every row, or multiplied with it. */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools } from './kernel.ts'
import { defineProgram, floats, type Program } from './program.ts'

/** Columns per workgroup; its remaining invocations take other rows. */
const sumColumns = 64
const sumLanes = 256
const finishLanes = 256

/**
 * A program that sums terms down the columns of matrices: a `term` is WGSL for element i in row `row`.
 * Rows are split into slices that are summed separately, then the slices are summed: parallel, and always in the same order.
 */
export function defineColumnSums<I extends string, O extends string>(spec: {
  name: string
  /** [rows, width] */
  matrices: readonly I[]
  /** [rows] */
  vectors?: readonly I[]
  terms: Record<O, string>
}): (context: WebgpuTools, tensors: Record<I, tf.TensorInfo>, rows: number, width: number) => Record<O, tf.TensorInfo> {
  const names = Object.keys(spec.terms) as O[]
  const { matrices, vectors = [] } = spec
  const program = defineProgram({
    name: spec.name,
    inputs: floats([...matrices, ...vectors]),
    outputs: floats(names),
    uniforms: { rows: 'u32', firstRow: 'u32', width: 'u32', rowsPerSlice: 'u32' },
    lanes: sumLanes,
    declarations: `var<workgroup> shares: array<f32, ${sumLanes}>;`,
    body: `
  let across = (u.width + ${sumColumns - 1}u) / ${sumColumns}u;
  let column = group % across * ${sumColumns}u + lane % ${sumColumns}u;
  let slice = group / across;
  let end = min(u.rows, (slice + 1u) * u.rowsPerSlice);
  let out = (u.firstRow / u.rowsPerSlice + slice) * u.width + column;
  ${names.map((name) => `var sum_${name} = 0.0;`).join(' ')}
  if (column < u.width) {
    for (var row = slice * u.rowsPerSlice + lane / ${sumColumns}u; row < end; row += ${sumLanes / sumColumns}u) {
      let i = row * u.width + column;
      ${names.map((name) => `sum_${name} += ${spec.terms[name]};`).join('\n      ')}
    }
  }
  ${names
    .map(
      (name) => `
  workgroupBarrier();
  shares[lane] = sum_${name};
  workgroupBarrier();
  if (lane < ${sumColumns}u && column < u.width) {
    ${name}[out] = ${Array.from({ length: sumLanes / sumColumns }, (_, i) => `shares[lane + ${i * sumColumns}u]`).join(' + ')};
  }`,
    )
    .join('')}`,
  })
  return (context, tensors, rows, width) => {
    // At most about 64 slices, each of a power of two rows.
    const rowsPerSlice = 2 ** Math.max(6, Math.ceil(Math.log2(rows / 64)))
    const slices = Math.ceil(rows / rowsPerSlice)
    const each = (create: () => tf.TensorInfo) =>
      Object.fromEntries(names.map((name) => [name, create()])) as Record<O, tf.TensorInfo>
    const outputs = each(() => context.output([width]))
    if (rows === 0) {
      for (const name of names) context.clear(outputs[name])
      return outputs
    }
    const parts = slices === 1 ? outputs : each(() => context.scratch([slices, width]))
    const perRow = Object.fromEntries([...matrices.map((name) => [name, width]), ...vectors.map((name) => [name, 1])])
    const split = { rows, perRow, rowsPerGroup: rowsPerSlice, groupsAcross: Math.ceil(width / sumColumns) }
    context.runRows(program as Program, { ...tensors, ...parts }, { width, rowsPerSlice }, split)
    if (slices > 1) {
      for (const name of names) sumSlices(context, parts[name], outputs[name], slices, width)
    }
    return outputs
  }
}

const slicesProgram = defineProgram({
  name: 'sum of slices',
  inputs: { parts: 'f32' },
  outputs: { total: 'f32' },
  uniforms: { slices: 'u32', width: 'u32' },
  lanes: finishLanes,
  body: `
  let column = group * ${finishLanes}u + lane;
  if (column >= u.width) { return; }
  var sum = 0.0;
  for (var slice = 0u; slice < u.slices; slice++) { sum += parts[slice * u.width + column]; }
  total[column] = sum;`,
})

function sumSlices(context: WebgpuTools, parts: tf.TensorInfo, total: tf.TensorInfo, slices: number, width: number): void {
  context.run(slicesProgram, { parts, total }, { slices, width }, Math.ceil(width / finishLanes))
}
