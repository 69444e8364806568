import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { widen } from '../../engine/webgpu/halves.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import type { WidenAttributes, WidenInputs } from './attributes.ts'

const lanes = 256

const define = (format: 'bf16' | 'f16') =>
  defineProgram({
    name: `widen ${format}`,
    inputs: { halves: 'u32' },
    outputs: { values: 'u32' },
    uniforms: { rows: 'u32' },
    lanes,
    declarations: widen[format],
    body: `
  let word = group * ${lanes}u + lane;
  if (word >= u.rows) { return; }
  values[2u * word] = widen(halves[word] & 0xffffu);
  if (2u * word + 1u < arrayLength(&values)) { values[2u * word + 1u] = widen(halves[word] >> 16u); }`,
  })

const programs = { bf16: define('bf16'), f16: define('f16') }

/** A row is a word: two values. */
export const widenWebgpu: WebgpuKernel<WidenInputs, WidenAttributes> = (context, { size, shape, format }) => {
  const values = context.output(shape)
  const split = { rows: Math.ceil(size / 2), perRow: { halves: 1, values: 2 }, rowsPerGroup: lanes }
  context.runRows(programs[format], { halves: context.input('halves'), values }, {}, split)
  return [values]
}
