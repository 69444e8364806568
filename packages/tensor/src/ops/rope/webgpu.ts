import type { WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { defineProgram } from '../../engine/webgpu/program.ts'
import type { RopeAttributes, RopeInputs } from './attributes.ts'

const lanes = 128

/** One token per workgroup, so that every head reads its angles from cache. `sign` -1 is the inverse rotation. */
const program = defineProgram({
  name: 'rope',
  inputs: { x: 'f32', cosines: 'f32', sines: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { heads: 'u32', pairs: 'u32', interleaved: 'u32', sign: 'f32' },
  lanes,
  body: `
  for (var slot = lane; slot < u.heads * u.pairs; slot += ${lanes}u) {
    let head = slot / u.pairs;
    let pair = slot % u.pairs;
    let at = (group * u.heads + head) * 2u * u.pairs;
    let first = at + select(pair, 2u * pair, u.interleaved == 1u);
    let second = first + select(u.pairs, 1u, u.interleaved == 1u);
    let c = cosines[group * u.pairs + pair];
    let s = sines[group * u.pairs + pair] * u.sign;
    y[first] = x[first] * c - x[second] * s;
    y[second] = x[second] * c + x[first] * s;
  }`,
})

export const ropeWebgpu: WebgpuKernel<RopeInputs, RopeAttributes> = (
  context,
  { tokens, heads, headSize, interleaved, inverse },
) => {
  const x = context.input('x')
  const y = context.output([tokens, heads, headSize])
  const pairs = headSize / 2
  context.runRows(
    program,
    { x, cosines: context.input('cos'), sines: context.input('sin'), y },
    { heads, pairs, interleaved: interleaved ? 1 : 0, sign: inverse ? -1 : 1 },
    { rows: tokens, perRow: { x: heads * headSize, y: heads * headSize, cosines: pairs, sines: pairs } },
  )
  return [y]
}
