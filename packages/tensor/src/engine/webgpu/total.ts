/** The sum of a term over all elements of a tensor of any size: slices first, then the sum of the slices, always in the same order. */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools } from './kernel.ts'
import { defineProgram, variants, type Program } from './program.ts'

const lanes = 256

const finish = variants((hasCarry: boolean): Program<'parts' | 'carry' | 'total', 'count' | 'factor'> =>
  defineProgram({
    name: 'total of slices',
    inputs: { parts: 'f32', carry: hasCarry && 'f32' },
    outputs: { total: 'f32' },
    uniforms: { count: 'u32', factor: 'f32' },
    lanes,
    reductions: ['sumOfGroup'],
    body: `
  var sum = 0.0;
  for (var i = lane; i < u.count; i += ${lanes}u) { sum += parts[i]; }
  let all = sumOfGroup(sum, lane) * u.factor;
  if (lane == 0u) { total[0] = all${hasCarry ? ' + carry[0]' : ''}; }`,
  }),
)

interface TotalOptions {
  /** What the sum is multiplied with. Default 1. */
  factor?: number
  /** A scalar that is added. */
  carry?: tf.TensorInfo | undefined
}

type Total = (context: WebgpuTools, x: tf.TensorInfo, size: number, options?: TotalOptions) => tf.TensorInfo

/** @param term WGSL for element i of x. */
export function defineTotal(name: string, term: string): Total {
  const slices = defineProgram({
    name,
    inputs: { x: 'f32' },
    outputs: { parts: 'f32' },
    uniforms: { rows: 'u32', firstRow: 'u32', perSlice: 'u32' },
    lanes,
    reductions: ['sumOfGroup'],
    body: `
  let end = min(u.rows, (group + 1u) * u.perSlice);
  var sum = 0.0;
  for (var i = group * u.perSlice + lane; i < end; i += ${lanes}u) { sum += ${term}; }
  let total = sumOfGroup(sum, lane);
  if (lane == 0u) { parts[u.firstRow / u.perSlice + group] = total; }`,
  })
  return (context, x, size, { factor = 1, carry } = {}) => {
    // About a thousand slices at most.
    const perSlice = 2 ** Math.max(10, Math.ceil(Math.log2(size / 1024)))
    const count = Math.ceil(size / perSlice)
    const parts = context.scratch([Math.max(1, count)])
    context.runRows(slices, { x, parts }, { perSlice }, { rows: size, perRow: { x: 1 }, rowsPerGroup: perSlice })
    const total = context.output([])
    context.run(finish(carry !== undefined), { parts, carry: carry ?? x, total }, { count, factor }, 1)
    return total
  }
}
