import { forgetRounded } from '../../engine/wasm/byte-product.ts'
import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { WriteRowsAttributes, WriteRowsInputs } from './attributes.ts'

/** In place: writes target; returns nothing. */
export const writeRowsWasm: WasmKernel<WriteRowsInputs, WriteRowsAttributes> = (context, { offset, rows, width }) => {
  forgetRounded(context.identity('target'))
  const target = context.input('target').pointer
  context.exports.copyBytes(context.input('rows').pointer, target + offset * width * 4, rows * width * 4)
}
