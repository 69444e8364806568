/**
 * gelu: the Gaussian error linear unit (Hendrycks & Gimpel 2016). Any shape.
 *
 *   none   x * Phi(x), Phi the normal distribution's, through erf
 *   tanh   x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): 'gelu_pytorch_tanh' of published configs
 */
import { defineKernel, run } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { geluCpu, geluGradCpu } from './cpu.ts'
import { geluGradWasm, geluWasm } from './wasm.ts'
import { geluGradWebgpu, geluWebgpu } from './webgpu.ts'

export interface GeluOptions {
  /** Named as in PyTorch. */
  approximate: 'none' | 'tanh'
}
export interface GeluAttributes extends GeluOptions, Record<string, unknown> {
  size: number
}

defineKernel<GeluAttributes>('Gelu', { cpu: geluCpu, wasm: geluWasm, webgpu: geluWebgpu })
defineKernel<GeluAttributes>('GeluGrad', { cpu: geluGradCpu, wasm: geluGradWasm, webgpu: geluGradWebgpu })

export function gelu(x: Tensor, { approximate }: GeluOptions): Tensor {
  const attributes = { size: x.size, approximate }
  const [y] = run('Gelu', { x }, attributes)
  record([x], [y], ([dy]) => run('GeluGrad', { x, dy }, attributes))
  return y
}
