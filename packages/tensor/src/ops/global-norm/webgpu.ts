import type { WebgpuKernel } from '../../engine/webgpu.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu-program.ts'
import type { SumOfSquaresAttributes } from './index.ts'

const lanes = 256

/** One slice of x a workgroup. */
const slices = defineProgram({
  name: 'sumOfSquares, slices',
  inputs: { x: 'f32' },
  outputs: { parts: 'f32' },
  uniforms: { rows: 'u32', firstRow: 'u32', perSlice: 'u32' },
  lanes,
  reductions: ['sumOfGroup'],
  body: `
  let end = min(u.rows, (group + 1u) * u.perSlice);
  var sum = 0.0;
  for (var i = group * u.perSlice + lane; i < end; i += ${lanes}u) { sum += x[i] * x[i]; }
  let total = sumOfGroup(sum, lane);
  if (lane == 0u) { parts[u.firstRow / u.perSlice + group] = total; }`,
})

const finish = variants((hasCarry: boolean): Program<'parts' | 'carry' | 'total', 'count'> =>
  defineProgram({
    name: 'sumOfSquares',
    inputs: { parts: 'f32', carry: hasCarry && 'f32' },
    outputs: { total: 'f32' },
    uniforms: { count: 'u32' },
    lanes,
    reductions: ['sumOfGroup'],
    body: `
  var sum = 0.0;
  for (var i = lane; i < u.count; i += ${lanes}u) { sum += parts[i]; }
  let all = sumOfGroup(sum, lane);
  if (lane == 0u) { total[0] = all${hasCarry ? ' + carry[0]' : ''}; }`,
  }),
)

/** Slices apart, then their sums: always in the same order. */
export const sumOfSquaresWebgpu: WebgpuKernel<SumOfSquaresAttributes> = (context, { size }) => {
  const x = context.input('x')
  const hasCarry = context.has('carry')
  // About a thousand slices at most.
  const perSlice = 2 ** Math.max(10, Math.ceil(Math.log2(size / 1024)))
  const count = Math.ceil(size / perSlice)
  const parts = context.scratch([Math.max(1, count)])
  context.runRows(slices, { x, parts }, { perSlice }, { rows: size, perRow: { x: 1 }, rowsPerGroup: perSlice })
  const total = context.output([])
  context.run(finish(hasCarry), { parts, carry: hasCarry ? context.input('carry') : x, total }, { count }, 1)
  return [total]
}
