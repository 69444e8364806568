import type { CpuKernel, Plain } from '../../engine/cpu.ts'
import type { RmsNormAttributes, RmsNormGradAttributes, RmsNormGradInputs, RmsNormInputs } from './attributes.ts'

/** normed = s * inverse * weight, inverse = 1 / sqrt(mean(s^2) + eps), s = x + y. Outputs: s if y was given, normed, inverse. */
export const rmsNormCpu: CpuKernel<RmsNormInputs, RmsNormAttributes> = ({ x, y, weight }, { rows, width, eps }) => {
  const sum = y ? x.data.map((value: number, i: number) => value + y.data[i]!) : x.data
  const normed = new Float32Array(rows * width)
  const inverse = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const at = row * width
    let squares = 0
    for (let d = 0; d < width; d++) squares += sum[at + d]! ** 2
    inverse[row] = 1 / Math.sqrt(squares / width + eps)
    for (let d = 0; d < width; d++) normed[at + d] = sum[at + d]! * inverse[row]! * weight.data[d]!
  }
  const outputs: Plain[] = [
    { data: normed, shape: x.shape },
    { data: inverse, shape: [rows] },
  ]
  return y ? [{ data: sum, shape: x.shape }, ...outputs] : outputs
}

/** With g = dNormed * weight: dx = inverse * (g - x * inverse^2 * mean(g * x)) + dSum; dWeight = sum of dNormed * x * inverse. */
export const rmsNormGradCpu: CpuKernel<RmsNormGradInputs, RmsNormGradAttributes> = (
  { x, weight, inverse, dNormed, dSum },
  { rows, width },
) => {
  const dx = new Float32Array(rows * width)
  const dWeight = new Float64Array(width)
  for (let row = 0; row < rows; row++) {
    const at = row * width
    const r = inverse.data[row]
    let dot = 0
    for (let d = 0; d < width; d++) dot += dNormed.data[at + d]! * weight.data[d]! * x.data[at + d]!
    const pull = (dot / width) * r! * r!
    for (let d = 0; d < width; d++) {
      const i = at + d
      dx[i] = r! * (dNormed.data[i]! * weight.data[d]! - x.data[i]! * pull) + (dSum ? dSum.data[i] : 0)!
      dWeight[d]! += dNormed.data[i]! * x.data[i]! * r!
    }
  }
  return [
    { data: dx, shape: x.shape },
    { data: Float32Array.from(dWeight), shape: [width] },
  ]
}
