import type { CpuKernel } from '../../engine/cpu.ts'
import type { SiluAttributes, SiluGradInputs, SiluInputs } from './attributes.ts'

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

export const siluCpu: CpuKernel<SiluInputs, SiluAttributes> = ({ x }, { size }) => {
  const y = new Float32Array(size)
  for (let i = 0; i < size; i++) y[i] = x.data[i]! * sigmoid(x.data[i]!)
  return [{ data: y, shape: x.shape }]
}

export const siluGradCpu: CpuKernel<SiluGradInputs, SiluAttributes> = ({ x, dy }, { size }) => {
  const dx = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const s = sigmoid(x.data[i]!)
    dx[i] = dy.data[i]! * s * (1 + x.data[i]! * (1 - s))
  }
  return [{ data: dx, shape: x.shape }]
}
