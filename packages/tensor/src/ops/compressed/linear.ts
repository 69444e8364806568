/**
 * linear with a compressed weight: y = x Wᵀ + bias.
 *
 *   x [..,D]  weight [O,D] compressed  bias [O], optional  ->  [..,O]
 *
 * Each form has kernels of its own, which widen the weight as they read it. The gradient reaches x and bias.
 */
import { ArgumentError } from '@casa-js/base'
import { compressedForm } from '../../engine/compressed.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { blockLinear } from '../block-linear/index.ts'
import { halfLinear } from '../half-linear/index.ts'
import { quantizedLinear } from '../quantized-linear/index.ts'

/** @throws ArgumentError if x's last axis is not the weight's second. */
export function compressedLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const form = compressedForm(weight)!
  if (x.shape[x.rank - 1] !== form.shape[1]) {
    throw new ArgumentError(`linear: x [${x.shape}] does not fit the ${form.kind} weight [${form.shape}], which is [out, in]`)
  }
  if (form.kind === 'blocks') return blockLinear(x, weight, form, bias)
  if (form.kind !== 'quantized') return halfLinear(x, weight, form, bias)
  const [outputs, inputs] = form.shape
  return quantizedLinear(x, { values: weight, scales: form.scales, outputs, inputs, bits: form.bits, group: form.group }, bias)
}
