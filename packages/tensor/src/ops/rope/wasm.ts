import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { RopeAttributes } from './index.ts'

export const ropeWasm: WasmKernel<RopeAttributes> = (context, { tokens, heads, headSize, interleaved, inverse }) => {
  const [x, cos, sin] = ['x', 'cos', 'sin'].map((name) => context.input(name).pointer)
  const y = context.output([tokens, heads, headSize])
  const turn = interleaved ? context.exports.ropeInterleaved : context.exports.ropeHalf
  turn(x, y, cos, sin, tokens, heads, headSize / 2, inverse ? -1 : 1)
}
