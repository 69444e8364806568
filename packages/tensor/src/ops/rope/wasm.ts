import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { RopeAttributes, RopeInputs } from './attributes.ts'

export const ropeWasm: WasmKernel<RopeInputs, RopeAttributes> = (context, attributes) => {
  const { tokens, heads, headSize, interleaved, inverse } = attributes
  const [x, cos, sin] = context.pointers('x', 'cos', 'sin')
  const y = context.output([tokens, heads, headSize])
  const pairs = headSize / 2
  const name = interleaved ? 'ropeInterleaved' : 'ropeHalf'
  context.share(name, { count: tokens, work: 4 * tokens * heads * headSize }, (begin, count) => [
    ...[x, y].map((pointer) => partOf(pointer, begin * heads * headSize)),
    ...[cos, sin].map((pointer) => partOf(pointer, begin * pairs)),
    ...[count, heads, pairs, inverse ? -1 : 1],
  ])
}
