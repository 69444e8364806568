import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { WidenAttributes, WidenInputs } from './attributes.ts'

export const widenWasm: WasmKernel<WidenInputs, WidenAttributes> = (context, { size, shape, format }) => {
  context.run(format === 'bf16' ? 'widenBf16' : 'widenF16', context.input('halves').pointer, context.output(shape), size)
}
