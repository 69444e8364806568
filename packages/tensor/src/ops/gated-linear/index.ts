/**
 * gatedLinear: swiglu(linear(x, gate), linear(x, up)), the first half of Llama's feed-forward.
 *
 *   x [..,D]  gate, up [O,D], float32 or compressed  biases [O], optional  ->  [..,O]
 *
 * On wasm one kernel computes it for many rows and weights in 4 bits; everywhere else it is made of the three operators, and so are its
 * gradients.
 */
import * as tf from '@tensorflow/tfjs-core'
import { expectShape, matrixOf } from '../../engine/check.ts'
import { companionsOf, compressedForm } from '../../engine/compressed.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { scope } from '../../engine/scope.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { fewRows, inBytes } from '../../engine/wasm/byte-product.ts'
import { linear } from '../linear/index.ts'
import { swiglu } from '../swiglu/index.ts'
import type { GatedLinearAttributes, GatedLinearInputs } from './attributes.ts'
import { gatedLinearWasm } from './wasm.ts'

const runGatedLinear = /* @__PURE__ */ defineKernel<GatedLinearInputs, GatedLinearAttributes, [y: Tensor]>('GatedLinear', {
  wasm: gatedLinearWasm,
})

/** A linear layer's weight [O, D], float32 or compressed, and bias [O]. */
export interface LinearLayer {
  weight: Tensor
  bias?: Tensor | undefined
}

/**
 * silu(x gateᵀ + bias) * (x upᵀ + bias), the gated feed-forward of Llama (Shazeer 2020, arXiv:2002.05202) before its last layer: x [.., D] gives
 * [.., O], float32. Weights may be compressed, as in `linear`.
 * @throws ArgumentError if x's last axis is not that of the weights, or gate and up differ in shape
 */
export function gatedLinear(x: Tensor, gate: LinearLayer, up: LinearLayer): Tensor {
  const attributes = kernelFor(x, gate.weight, up.weight)
  if (!attributes) return scope(() => swiglu(linear(x, gate.weight, gate.bias), linear(x, up.weight, up.bias)))
  for (const [name, { bias }] of Object.entries({ gate, up })) {
    if (bias) expectShape('gatedLinear', `${name}'s bias`, bias, [attributes.outputs])
  }
  const [y] = runGatedLinear(
    {
      ...{ x, gate: gate.weight, gateScales: companionsOf(gate.weight)[0], gateBias: gate.bias },
      ...{ up: up.weight, upScales: companionsOf(up.weight)[0], upBias: up.bias },
    },
    attributes,
  )
  return y
}

/** What the kernel needs to know, where it can be used. */
function kernelFor(x: Tensor, gate: Tensor, up: Tensor): GatedLinearAttributes | undefined {
  const [a, b] = [compressedForm(gate), compressedForm(up)]
  if (tf.getBackend() !== 'wasm' || !a || !b || a.shape.join() !== b.shape.join()) return undefined
  const { rows, width } = matrixOf('gatedLinear', 'x', x)
  const [outputs, inputs] = a.shape
  if (width !== inputs || rows <= fewRows || !inBytes(inputs)) return undefined
  const sizes = { rows, inputs, outputs }
  if (a.kind === 'quantized' && b.kind === 'quantized')
    return a.bits === 4 && b.bits === 4 && a.group === b.group ? { ...sizes, type: 'int4', group: a.group } : undefined
  if (a.kind === 'blocks' && b.kind === 'blocks')
    return a.type === b.type && a.type !== 'Q6_K' ? { ...sizes, type: a.type, group: 0 } : undefined
  return undefined
}
