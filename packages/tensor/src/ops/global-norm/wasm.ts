import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { SumOfSquaresAttributes, SumOfSquaresInputs } from './attributes.ts'

/** Each thread sums a part in double precision; the parts are added in order. */
export const sumOfSquaresWasm: WasmKernel<SumOfSquaresInputs, SumOfSquaresAttributes> = (context, { size }) => {
  const [x, carry] = context.pointers('x', 'carry')
  const sums = context.partialSums(context.output([]), 1)
  let first = true
  context.share('sumOfSquares', { count: size, work: size, unit: 4 }, (begin, count) => {
    const before = first ? carry : 0
    first = false
    return [partOf(x, begin), count, before, sums.next()]
  })
  sums.add()
}
