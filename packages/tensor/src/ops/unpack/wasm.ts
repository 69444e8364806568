import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { UnpackAttributes } from './index.ts'

export const unpackWasm: WasmKernel<UnpackAttributes> = (context, { size, shape, format }) => {
  const unpack = format === 'bf16' ? context.exports.unpackBf16 : context.exports.unpackF16
  unpack(context.input('packed').pointer, context.output(shape), size)
}
