import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import type { GatherRowsAttributes, GatherRowsInputs } from './attributes.ts'

const lanes = 128

/** One row of the result per workgroup. A table larger than one binding is read in parts; each part writes the rows that it holds. */
const program = defineProgram({
  name: 'gatherRows',
  inputs: { table: 'f32', ids: 'i32' },
  outputs: { gathered: 'f32' },
  uniforms: { width: 'u32', begin: 'i32', end: 'i32' },
  lanes,
  body: `
  let id = ids[group];
  let missing = id < 0 && u.begin == 0;
  if (!missing && (id < u.begin || id >= u.end)) { return; }
  for (var d = lane; d < u.width; d += ${lanes}u) {
    var value = 0.0;
    if (!missing) { value = table[u32(id - u.begin) * u.width + d]; }
    gathered[group * u.width + d] = value;
  }`,
})

export const gatherRowsWebgpu: WebgpuKernel<GatherRowsInputs, GatherRowsAttributes> = (context, { ids }) => {
  const table = context.input('table')
  const [N, D] = table.shape as [number, number]
  const gathered = context.output([ids.length, D])
  const uploaded = context.upload(ids)
  const split = { rows: D === 0 ? 0 : ids.length, perRow: { ids: 1, gathered: D } }
  for (const { begin, count } of context.cut(N, D)) {
    const part = { tensor: table, begin: begin * D, length: count * D }
    context.runRows(program, { table: part, ids: uploaded, gathered }, { width: D, begin, end: begin + count }, split)
  }
  return [gathered]
}
