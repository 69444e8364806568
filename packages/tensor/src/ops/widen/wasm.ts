import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { WidenAttributes, WidenInputs } from './attributes.ts'

export const widenWasm: WasmKernel<WidenInputs, WidenAttributes> = (context, { size, shape, format }) => {
  const widen = format === 'bf16' ? context.exports.widenBf16 : context.exports.widenF16
  widen!(context.input('halves').pointer, context.output(shape), size)
}
