import type { CpuKernel } from '../../engine/cpu.ts'
import { sigmoid } from '../silu/cpu.ts'
import type { SwigluAttributes, SwigluGradInputs, SwigluInputs } from './attributes.ts'

export const swigluCpu: CpuKernel<SwigluInputs, SwigluAttributes> = ({ gate, up }, { size }) => {
  const y = new Float32Array(size)
  for (let i = 0; i < size; i++) y[i] = gate.data[i]! * sigmoid(gate.data[i]!) * up.data[i]!
  return [{ data: y, shape: gate.shape }]
}

/** silu'(x) = s (1 + x (1 - s)) with s = sigmoid(x). Outputs: dGate, dUp. */
export const swigluGradCpu: CpuKernel<SwigluGradInputs, SwigluAttributes> = ({ gate, up, dy }, { size }) => {
  const dGate = new Float32Array(size)
  const dUp = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const x = gate.data[i]
    const s = sigmoid(x!)
    dGate[i] = dy.data[i]! * up.data[i]! * s * (1 + x! * (1 - s))
    dUp[i] = dy.data[i]! * x! * s
  }
  return [
    { data: dGate, shape: gate.shape },
    { data: dUp, shape: up.shape },
  ]
}
