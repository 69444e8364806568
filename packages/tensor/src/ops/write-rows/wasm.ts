import { forgetRounded } from '../../engine/wasm/byte-product.ts'
import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { WriteRowsAttributes, WriteRowsInputs } from './attributes.ts'

/** In place: writes target; returns nothing. */
export const writeRowsWasm: WasmKernel<WriteRowsInputs, WriteRowsAttributes> = (context, { offset, rows, width }) => {
  forgetRounded(context.identity('target'))
  const [from, target] = context.pointers('rows', 'target')
  context.run('writeRows', from, target, context.moving(Int32Array.of(offset)), 4 * width, 4 * rows * width)
}
