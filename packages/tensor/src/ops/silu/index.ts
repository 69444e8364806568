/** silu: x * sigmoid(x), also called swish. Any shape. */
import { defineKernel, run } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { siluCpu, siluGradCpu } from './cpu.ts'
import { siluGradWasm, siluWasm } from './wasm.ts'
import { siluGradWebgpu, siluWebgpu } from './webgpu.ts'

export interface SiluAttributes extends Record<string, unknown> {
  size: number
}

defineKernel<SiluAttributes>('Silu', { cpu: siluCpu, wasm: siluWasm, webgpu: siluWebgpu })
defineKernel<SiluAttributes>('SiluGrad', { cpu: siluGradCpu, wasm: siluGradWasm, webgpu: siluGradWebgpu })

export function silu(x: Tensor): Tensor {
  const attributes = { size: x.size }
  const [y] = run('Silu', { x }, attributes)
  record([x], [y], ([dy]) => run('SiluGrad', { x, dy }, attributes))
  return y
}
