import type { CpuKernel } from '../../engine/cpu.ts'
import type { RopeAttributes, RopeInputs } from './attributes.ts'

/** (a, b) -> (a cos - b sin, b cos + a sin) for each pair of each head; `inverse` negates sin. */
export const ropeCpu: CpuKernel<RopeInputs, RopeAttributes> = (
  { x, cos, sin },
  { tokens, heads, headSize, interleaved, inverse },
) => {
  const y = new Float32Array(tokens * heads * headSize)
  const pairs = headSize / 2
  for (let t = 0; t < tokens; t++) {
    for (let head = 0; head < heads; head++) {
      const at = (t * heads + head) * headSize
      for (let i = 0; i < pairs; i++) {
        const first = at + (interleaved ? 2 * i : i)
        const second = first + (interleaved ? 1 : pairs)
        const c = cos.data[t * pairs + i]
        const s = inverse ? -sin.data[t * pairs + i]! : sin.data[t * pairs + i]
        y[first] = x.data[first]! * c! - x.data[second]! * s!
        y[second] = x.data[second]! * c! + x.data[first]! * s!
      }
    }
  }
  return [{ data: y, shape: [tokens, heads, headSize] }]
}
