import type { CpuKernel, Plain } from '../../engine/cpu.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'
import { dequantize } from './quantize.ts'

/** The reference decompresses the whole weight, for readability. */
const decompressed = (
  { values, scales }: { values: Plain; scales: Plain },
  { inputs, outputs, bits, group }: QuantizedLinearAttributes,
) => dequantize({ values: values.data as Int32Array, scales: scales.data as Int32Array, inputs, outputs, bits, group })

/** y[t,o] = sum_d x[t,d] W[o,d] + bias[o] */
export const quantizedLinearCpu: CpuKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (given, attributes) => {
  const { rows, inputs, outputs } = attributes
  const weight = decompressed(given, attributes)
  const { x, bias } = given
  const y = new Float32Array(rows * outputs)
  for (let t = 0; t < rows; t++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias ? bias.data[o]! : 0
      for (let d = 0; d < inputs; d++) sum! += x.data[t * inputs + d]! * weight[o * inputs + d]!
      y[t * outputs + o]! = sum
    }
  }
  return [{ data: y, shape: [...x.shape.slice(0, -1), outputs] }]
}

/** dx[t,d] = sum_o dy[t,o] W[o,d] */
export const quantizedLinearGradCpu: CpuKernel<QuantizedLinearGradInputs, QuantizedLinearAttributes> = (given, attributes) => {
  const { rows, inputs, outputs } = attributes
  const weight = decompressed(given, attributes)
  const { dy } = given
  const dx = new Float32Array(rows * inputs)
  for (let t = 0; t < rows; t++) {
    for (let d = 0; d < inputs; d++) {
      let sum = 0
      for (let o = 0; o < outputs; o++) sum += dy.data[t * outputs + o]! * weight[o * inputs + d]!
      dx[t * inputs + d] = sum
    }
  }
  return [{ data: dx, shape: [...dy.shape.slice(0, -1), inputs] }]
}
