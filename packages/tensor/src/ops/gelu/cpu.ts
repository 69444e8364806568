import type { CpuKernel } from '../../engine/cpu.ts'
import type { GeluAttributes, GeluGradInputs, GeluInputs } from './attributes.ts'

const slope = Math.sqrt(2 / Math.PI)
const cubic = 0.044715

export const geluCpu: CpuKernel<GeluInputs, GeluAttributes> = ({ x }, { size, approximate }) => {
  const y = new Float32Array(size)
  for (let i = 0; i < size; i++) y[i] = x.data[i]! * (approximate === 'tanh' ? gate(x.data[i]!) : normal(x.data[i]!))
  return [{ data: y, shape: x.shape }]
}

/** The derivative of x f(x): f + x f'. */
export const geluGradCpu: CpuKernel<GeluGradInputs, GeluAttributes> = ({ x, dy }, { size, approximate }) => {
  const dx = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const value = x.data[i]
    if (approximate === 'tanh') {
      const f = gate(value!)
      dx[i] = dy.data[i]! * (f + value! * 2 * f * (1 - f) * slope * (1 + 3 * cubic * value! ** 2))
    } else {
      dx[i] = dy.data[i]! * (normal(value!) + (value! * Math.exp(-(value! ** 2) / 2)) / Math.sqrt(2 * Math.PI))
    }
  }
  return [{ data: dx, shape: x.shape }]
}

/** (1 + tanh u) / 2 = sigmoid(2u). */
const gate = (x: number) => 1 / (1 + Math.exp(-2 * slope * (x + cubic * x ** 3)))

/** Phi(x) = (1 + erf(x / sqrt 2)) / 2, by the series of positive terms phi(x) (x + x^3/3 + x^5/15 + ..): exact to double. */
function normal(x: number): number {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0
  let term = x
  let sum = x
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (x * x) / n
    sum += term
  }
  return 0.5 + (sum * Math.exp(-(x * x) / 2)) / Math.sqrt(2 * Math.PI)
}
