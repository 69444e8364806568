import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { RopeAttributes, RopeInputs } from './attributes.ts'

export const ropeWasm: WasmKernel<RopeInputs, RopeAttributes> = (context, { tokens, heads, headSize, interleaved, inverse }) => {
  const [x, cos, sin] = context.pointers('x', 'cos', 'sin')
  const y = context.output([tokens, heads, headSize])
  const turn = interleaved ? context.exports.ropeInterleaved : context.exports.ropeHalf
  turn!(x, y, cos, sin, tokens, heads, headSize / 2, inverse ? -1 : 1)
}
