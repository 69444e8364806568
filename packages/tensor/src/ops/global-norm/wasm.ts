import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SumOfSquaresAttributes, SumOfSquaresInputs } from './attributes.ts'

export const sumOfSquaresWasm: WasmKernel<SumOfSquaresInputs, SumOfSquaresAttributes> = (context, { size }) => {
  const [x, carry] = context.pointers('x', 'carry')
  context.exports.sumOfSquares(x, size, carry, context.output([]))
}
