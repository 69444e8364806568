/** WGSL and programs that several kernels share. */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuContext } from './webgpu.ts'
import { defineProgram, type Program, type ScalarType } from './webgpu-program.ts'

/** Below every logit, and finite: WGSL may assume that there are no infinities. */
export const lowest = '-3.4028234e38'

/** sigmoid(x), with exp held within range. */
export const sigmoid = `
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(clamp(-x, -80.0, 80.0))); }`

const elementLanes = 256

interface Elementwise<I extends string, O extends string, U extends string> {
  name: string
  inputs: readonly I[]
  outputs: readonly O[]
  uniforms?: Record<U, ScalarType>
  declarations?: string
  /** Statements for element `i`. */
  body: string
}

/** A program that treats every element alike: f32 arrays of one size. */
export function defineElementwise<I extends string, O extends string, U extends string = never>(spec: Elementwise<I, O, U>) {
  const typed = <N extends string>(names: readonly N[]) => Object.fromEntries(names.map((name) => [name, 'f32'])) as Record<N, 'f32'>
  const program: Program<I | O, U | 'rows'> = defineProgram({
    name: spec.name,
    inputs: typed(spec.inputs),
    outputs: typed(spec.outputs),
    uniforms: { rows: 'u32', ...spec.uniforms } as Record<U | 'rows', ScalarType>,
    lanes: elementLanes,
    declarations: spec.declarations,
    body: `
  let i = group * ${elementLanes}u + lane;
  if (i >= u.rows) { return; }
  ${spec.body}`,
  })
  return (context: WebgpuContext, tensors: Record<I | O, tf.TensorInfo>, size: number, uniforms = {} as Record<Exclude<U, 'rows' | 'firstRow'>, number>) => {
    const perRow = Object.fromEntries(program.bindings.map(({ name }) => [name, 1]))
    context.runRows(program as Program<I | O, U>, tensors, uniforms, { rows: size, perRow, rowsPerGroup: elementLanes })
  }
}

const sumColumns = 64
const sumLanes = 256

/**
 * A program that sums terms down the columns of matrices: a `term` is WGSL for element i in row `row`.
 * Rows are cut into slices that are summed apart, then the slices: parallel, and always in the same order.
 */
export function defineColumnSums<I extends string, O extends string>(spec: {
  name: string
  /** [rows, width] */
  matrices: readonly I[]
  /** [rows] */
  vectors?: readonly I[]
  terms: Record<O, string>
}): (context: WebgpuContext, tensors: Record<I, tf.TensorInfo>, rows: number, width: number) => Record<O, tf.TensorInfo> {
  const names = Object.keys(spec.terms) as O[]
  const inputs = [...spec.matrices, ...(spec.vectors ?? [])]
  const program = defineProgram({
    name: spec.name,
    inputs: Object.fromEntries(inputs.map((name) => [name, 'f32'])) as Record<I, 'f32'>,
    outputs: Object.fromEntries(names.map((name) => [name, 'f32'])) as Record<O, 'f32'>,
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
    // At most about 64 slices, of a power of two of rows.
    const rowsPerSlice = 2 ** Math.max(6, Math.ceil(Math.log2(rows / 64)))
    const slices = Math.ceil(rows / rowsPerSlice)
    const outputs = Object.fromEntries(names.map((name) => [name, context.output([width])])) as Record<O, tf.TensorInfo>
    if (rows === 0) {
      for (const name of names) context.clear(outputs[name])
      return outputs
    }
    const parts = slices === 1 ? outputs : (Object.fromEntries(names.map((name) => [name, context.scratch([slices, width])])) as typeof outputs)
    const perRow = Object.fromEntries([...spec.matrices.map((name) => [name, width]), ...(spec.vectors ?? []).map((name) => [name, 1])])
    const groupsAcross = Math.ceil(width / sumColumns)
    context.runRows(program as Program, { ...tensors, ...parts }, { width, rowsPerSlice }, { rows, perRow, rowsPerGroup: rowsPerSlice, groupsAcross })
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
  lanes: elementLanes,
  body: `
  let column = group * ${elementLanes}u + lane;
  if (column >= u.width) { return; }
  var sum = 0.0;
  for (var slice = 0u; slice < u.slices; slice++) { sum += parts[slice * u.width + column]; }
  total[column] = sum;`,
})

function sumSlices(context: WebgpuContext, parts: tf.TensorInfo, total: tf.TensorInfo, slices: number, width: number): void {
  context.run(slicesProgram, { parts, total }, { slices, width }, Math.ceil(width / elementLanes))
}
