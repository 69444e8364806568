import type { CpuKernel } from '../../engine/cpu.ts'
import { halfToFloat } from '@casa-js/base/internal'
import type { WidenAttributes, WidenInputs } from './attributes.ts'

export const widenCpu: CpuKernel<WidenInputs, WidenAttributes> = ({ halves }, { size, shape, format }) => {
  const values = new Float32Array(size)
  const bits = new Int32Array(values.buffer)
  for (let i = 0; i < size; i++) {
    const half = (halves.data[i >> 1]! >>> (16 * (i & 1))) & 0xffff
    if (format === 'bf16') bits[i] = half << 16
    else values[i] = halfToFloat(half)
  }
  return [{ data: values, shape }]
}
