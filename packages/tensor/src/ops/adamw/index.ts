/**
 * adamwStep: one step of AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW takes it, in place.
 *
 *   g = gradient * gradientScale             so that clipping to a global norm needs no extra pass
 *   parameter *= 1 - learningRate * weightDecay
 *   m += (1 - beta1) (g - m)                 v = beta2 v + (1 - beta2) g^2
 *   parameter -= learningRate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
 */
import { ArgumentError } from '@casa-js/base'
import { expectShape } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { AdamWAttributes, AdamWInputs } from './attributes.ts'
import { adamwCpu } from './cpu.ts'
import type { AdamWSettings } from './settings.ts'
import { adamwWasm } from './wasm.ts'
import { adamwWebgpu } from './webgpu.ts'

export type { AdamWSettings } from './settings.ts'

/** All of one shape. The first three are overwritten; moments start as zeros. */
export interface AdamWTensors {
  parameter: Tensor
  firstMoment: Tensor
  secondMoment: Tensor
  gradient: Tensor
}

const runAdamW = /* @__PURE__ */ defineKernel<AdamWInputs, AdamWAttributes, []>('AdamW', {
  cpu: adamwCpu,
  wasm: adamwWasm,
  webgpu: adamwWebgpu,
})

/**
 * One step of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), as torch.optim.AdamW takes it, in place, for tensors of any one shape.
 * Tensors that share memory with `parameter` (reshape, share) see the new values.
 * @throws ArgumentError if the four differ in shape or the step is not counted from 1
 */
export function adamwStep({ parameter, firstMoment, secondMoment, gradient }: AdamWTensors, settings: AdamWSettings): void {
  expectShape('adamwStep', 'firstMoment', firstMoment, parameter.shape)
  expectShape('adamwStep', 'secondMoment', secondMoment, parameter.shape)
  expectShape('adamwStep', 'gradient', gradient, parameter.shape)
  if (!(settings.step >= 1)) throw new ArgumentError(`adamwStep: step counts from 1, got ${settings.step}`)
  runAdamW({ parameter, firstMoment, secondMoment, gradient }, { ...settings, size: parameter.size })
}
