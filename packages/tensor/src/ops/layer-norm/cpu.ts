import type { CpuKernel } from '../../engine/cpu.ts'
import type { LayerNormAttributes, LayerNormGradAttributes, LayerNormGradInputs, LayerNormInputs } from './attributes.ts'

/** y = h * weight + bias, h = (x - mean) * inverse, inverse = 1 / sqrt(variance + eps). Outputs: y, mean, inverse. */
export const layerNormCpu: CpuKernel<LayerNormInputs, LayerNormAttributes> = ({ x, weight, bias }, { rows, width, eps }) => {
  const y = new Float32Array(rows * width)
  const mean = new Float32Array(rows)
  const inverse = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const at = row * width
    let total = 0
    for (let d = 0; d < width; d++) total += x.data[at + d]!
    const centre = total / width
    let squares = 0
    for (let d = 0; d < width; d++) squares += (x.data[at + d]! - centre) ** 2
    mean[row] = centre
    inverse[row] = 1 / Math.sqrt(squares / width + eps)
    for (let d = 0; d < width; d++) y[at + d] = (x.data[at + d]! - centre) * inverse[row]! * weight.data[d]! + bias.data[d]!
  }
  return [
    { data: y, shape: x.shape },
    { data: mean, shape: [rows] },
    { data: inverse, shape: [rows] },
  ]
}

/** With h as above and g = dy * weight: dx = inverse * (g - mean(g) - h * mean(g * h)). Outputs: dx, dWeight, dBias. */
export const layerNormGradCpu: CpuKernel<LayerNormGradInputs, LayerNormGradAttributes> = (
  { x, weight, mean, inverse, dy },
  { rows, width },
) => {
  const dx = new Float32Array(rows * width)
  const dWeight = new Float64Array(width)
  const dBias = new Float64Array(width)
  for (let row = 0; row < rows; row++) {
    const at = row * width
    const normed = (d: number) => (x.data[at + d]! - mean.data[row]!) * inverse.data[row]!
    let sum = 0
    let dot = 0
    for (let d = 0; d < width; d++) {
      const g = dy.data[at + d]! * weight.data[d]!
      sum += g
      dot += g * normed(d)
      dWeight[d]! += dy.data[at + d]! * normed(d)
      dBias[d]! += dy.data[at + d]!
    }
    for (let d = 0; d < width; d++) {
      dx[at + d] = inverse.data[row]! * (dy.data[at + d]! * weight.data[d]! - sum / width - (normed(d) * dot) / width)
    }
  }
  return [
    { data: dx, shape: x.shape },
    { data: Float32Array.from(dWeight), shape: [width] },
    { data: Float32Array.from(dBias), shape: [width] },
  ]
}
