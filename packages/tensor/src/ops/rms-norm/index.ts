/**
 * rmsNorm: root-mean-square normalisation (Zhang & Sennrich 2019), alone or fused with the residual addition before it.
 *
 *   normed = s * weight / sqrt(mean(s^2) + eps)      s = x, or x + y        x, y [..,D], weight [D]  ->  [..,D]
 *
 * Statistics are float32 whatever the model's dtype; the inverse root is saved for the backward pass, [rows].
 */
import { expectShape, matrixOf } from '../../engine/check.ts'
import { defineKernel } from '../../engine/kernel.ts'
import { dispose } from '../../engine/scope.ts'
import { record, share } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import type { RmsNormAttributes, RmsNormGradAttributes, RmsNormGradInputs, RmsNormInputs } from './attributes.ts'
import { rmsNormCpu, rmsNormGradCpu } from './cpu.ts'
import { rmsNormGradWasm, rmsNormWasm } from './wasm.ts'
import { rmsNormGradWebgpu, rmsNormWebgpu } from './webgpu.ts'

const runRmsNorm = /* @__PURE__ */ defineKernel<RmsNormInputs, RmsNormAttributes, Tensor[]>('RmsNorm', {
  cpu: rmsNormCpu,
  wasm: rmsNormWasm,
  webgpu: rmsNormWebgpu,
})
const runRmsNormGrad = /* @__PURE__ */ defineKernel<RmsNormGradInputs, RmsNormGradAttributes, [dx: Tensor, dWeight: Tensor]>(
  'RmsNormGrad',
  { cpu: rmsNormGradCpu, wasm: rmsNormGradWasm, webgpu: rmsNormGradWebgpu },
)

export interface NormOptions {
  /** Added to the mean square (or variance) before the root. */
  eps: number
}

/**
 * Root-mean-square normalisation (Zhang & Sennrich 2019): x / sqrt(mean(x²) + eps) * weight over the last axis. x [.., D], weight [D] give
 * [.., D], float32.
 * @throws ArgumentError if the weight does not have x's width
 */
export function rmsNorm(x: Tensor, weight: Tensor, { eps }: NormOptions): Tensor {
  const { rows, width } = matrixOf('rmsNorm', 'x', x)
  expectShape('rmsNorm', 'weight', weight, [width])
  const [normed, inverse] = runRmsNorm({ x, weight }, { rows, width, eps }) as [Tensor, Tensor]
  record([x, weight], [normed, inverse], ([dNormed]) =>
    runRmsNormGrad({ x, weight, inverse, dNormed: dNormed! }, { rows, width }),
  )
  dispose(inverse)
  return normed
}

/**
 * The residual sum and the norm after it in one pass: sum = x + y, normed = rmsNorm(sum). x and y [.., D], weight [D] give two [.., D].
 * @throws ArgumentError if x and y differ in shape or the weight does not have their width
 */
export function addRmsNorm(x: Tensor, y: Tensor, weight: Tensor, { eps }: NormOptions): { sum: Tensor; normed: Tensor } {
  const { rows, width } = matrixOf('addRmsNorm', 'x', x)
  expectShape('addRmsNorm', 'y', y, x.shape)
  expectShape('addRmsNorm', 'weight', weight, [width])
  const [sum, normed, inverse] = runRmsNorm({ x, y, weight }, { rows, width, eps }) as [Tensor, Tensor, Tensor]
  record([x, y, weight], [sum, normed, inverse], ([dSum, dNormed], [, needsY]) => {
    if (!dNormed) return [share(dSum!), share(dSum!)]
    const [dx, dWeight] = runRmsNormGrad({ x: sum, weight, inverse, dNormed, dSum }, { rows, width })
    return [dx, needsY ? share(dx) : undefined, dWeight]
  })
  dispose(inverse)
  return { sum, normed }
}
