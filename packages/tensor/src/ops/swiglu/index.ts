/** swiglu: silu(gate) * up (Shazeer 2020), the feed-forward gate of the Llama line. gate, up of one shape -> that shape. */
import { expectShape } from '../../engine/check.ts'
import { defineKernel, run } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { swigluCpu, swigluGradCpu } from './cpu.ts'
import { swigluGradWasm, swigluWasm } from './wasm.ts'
import { swigluGradWebgpu, swigluWebgpu } from './webgpu.ts'

export interface SwigluAttributes extends Record<string, unknown> {
  size: number
}

defineKernel<SwigluAttributes>('Swiglu', { cpu: swigluCpu, wasm: swigluWasm, webgpu: swigluWebgpu })
defineKernel<SwigluAttributes>('SwigluGrad', { cpu: swigluGradCpu, wasm: swigluGradWasm, webgpu: swigluGradWebgpu })

/** @throws ArgumentError if gate and up differ in shape. */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  expectShape('swiglu', 'up', up, gate.shape)
  const attributes = { size: gate.size }
  const [y] = run('Swiglu', { gate, up }, attributes)
  record([gate, up], [y], ([dy]) => run('SwigluGrad', { gate, up, dy }, attributes))
  return y
}
