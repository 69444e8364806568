import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SumOfSquaresAttributes } from './index.ts'

export const sumOfSquaresWasm: WasmKernel<SumOfSquaresAttributes> = (context, { size }) => {
  const [x, carry] = ['x', 'carry'].map((name) => context.input(name).pointer)
  context.exports.sumOfSquares(x, size, carry, context.output([]))
}
