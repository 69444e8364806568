/** silu: x * sigmoid(x), also called swish. Any shape. */
import { defineKernel } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { SiluAttributes, SiluGradInputs, SiluInputs } from './attributes.ts'
import { siluCpu, siluGradCpu } from './cpu.ts'
import { siluGradWasm, siluWasm } from './wasm.ts'
import { siluGradWebgpu, siluWebgpu } from './webgpu.ts'

const runSilu = /* @__PURE__ */ defineKernel<SiluInputs, SiluAttributes, [y: Tensor]>('Silu', {
  cpu: siluCpu,
  wasm: siluWasm,
  webgpu: siluWebgpu,
})
const runSiluGrad = /* @__PURE__ */ defineKernel<SiluGradInputs, SiluAttributes, [dx: Tensor]>('SiluGrad', {
  cpu: siluGradCpu,
  wasm: siluGradWasm,
  webgpu: siluGradWebgpu,
})

/** x * sigmoid(x), also called swish (Elfwing et al. 2017), of any shape. */
export function silu(x: Tensor): Tensor {
  const attributes = { size: x.size }
  const [y] = runSilu({ x }, attributes)
  record([x], [y], ([dy]) => runSiluGrad({ x, dy: dy! }, attributes))
  return y
}
