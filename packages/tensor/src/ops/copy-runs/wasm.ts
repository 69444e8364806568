import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import { inputNames, type CopyRunsAttributes, type CopyRunsInputs } from './attributes.ts'

export const copyRunsWasm: WasmKernel<CopyRunsInputs, CopyRunsAttributes> = (context, { parts, shape, dtype }) => {
  let to = context.output(shape, dtype)
  for (const { from, begin, count, width, stride } of parts) {
    const { pointer } = context.input(inputNames[from]!)
    context.run('copyBlocks', partOf(pointer, begin), to, count, 4 * width, 4 * stride)
    to = partOf(to, count * width)
  }
}
