/** swiglu: silu(gate) * up (Shazeer 2020), the gated feed-forward of Llama models. gate, up of one shape -> that shape. */
import { expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { SwigluAttributes, SwigluGradInputs, SwigluInputs } from './attributes.ts'
import { swigluCpu, swigluGradCpu } from './cpu.ts'
import { swigluGradWasm, swigluWasm } from './wasm.ts'
import { swigluGradWebgpu, swigluWebgpu } from './webgpu.ts'

const runSwiglu = /* @__PURE__ */ defineKernel<SwigluInputs, SwigluAttributes, [y: Tensor]>('Swiglu', {
  cpu: swigluCpu,
  wasm: swigluWasm,
  webgpu: swigluWebgpu,
})
const runSwigluGrad = /* @__PURE__ */ defineKernel<SwigluGradInputs, SwigluAttributes, [dGate: Tensor, dUp: Tensor]>(
  'SwigluGrad',
  { cpu: swigluGradCpu, wasm: swigluGradWasm, webgpu: swigluGradWebgpu },
)

/**
 * silu(gate) * up, the gated feed-forward unit of Llama (Shazeer 2020, arXiv:2002.05202). gate and up of one shape, any shape, give that
 * shape.
 * @throws ArgumentError if gate and up differ in shape
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  expectShape('swiglu', 'up', up, gate.shape)
  const attributes = { size: gate.size }
  const [y] = runSwiglu({ gate, up }, attributes)
  record([gate, up], [y], ([dy]) => runSwigluGrad({ gate, up, dy: dy! }, attributes))
  return y
}
