import type { CpuKernel } from '../../engine/cpu.ts'
import { sizeOf } from '../../engine/tensor.ts'
import { inputNames, type CopyRunsAttributes, type CopyRunsInputs } from './attributes.ts'

export const copyRunsCpu: CpuKernel<CopyRunsInputs, CopyRunsAttributes> = (inputs, { parts, shape, dtype }) => {
  const data = dtype === 'int32' ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape))
  let to = 0
  for (const { from, begin, count, width, stride } of parts) {
    const source = inputs[inputNames[from]!]!.data
    for (let i = 0; i < count; i++, to += width) {
      const at = begin + i * stride
      data.set(source.subarray(at, at + width), to)
    }
  }
  return [{ data, shape }]
}
