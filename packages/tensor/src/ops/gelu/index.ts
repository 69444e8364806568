/**
 * gelu: the Gaussian error linear unit (Hendrycks & Gimpel 2016). Any shape.
 *
 *   none   x * Phi(x), Phi the normal distribution's, through erf
 *   tanh   x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): 'gelu_pytorch_tanh' of published configs
 */
import { defineKernel } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { GeluOptions, GeluAttributes, GeluGradInputs, GeluInputs } from './attributes.ts'
import { geluCpu, geluGradCpu } from './cpu.ts'
import { geluGradWasm, geluWasm } from './wasm.ts'
import { geluGradWebgpu, geluWebgpu } from './webgpu.ts'

export type { GeluOptions } from './attributes.ts'

const runGelu = /* @__PURE__ */ defineKernel<GeluInputs, GeluAttributes, [y: Tensor]>('Gelu', {
  cpu: geluCpu,
  wasm: geluWasm,
  webgpu: geluWebgpu,
})
const runGeluGrad = /* @__PURE__ */ defineKernel<GeluGradInputs, GeluAttributes, [dx: Tensor]>('GeluGrad', {
  cpu: geluGradCpu,
  wasm: geluGradWasm,
  webgpu: geluGradWebgpu,
})

/**
 * The Gaussian error linear unit (Hendrycks & Gimpel 2016, arXiv:1606.08415), of any shape.
 * @param options `approximate: 'none'` is x Phi(x), through erf; `'tanh'` is the approximation that configs call gelu_pytorch_tanh
 */
export function gelu(x: Tensor, { approximate }: GeluOptions): Tensor {
  const attributes = { size: x.size, approximate }
  const [y] = runGelu({ x }, attributes)
  record([x], [y], ([dy]) => runGeluGrad({ x, dy: dy! }, attributes))
  return y
}
