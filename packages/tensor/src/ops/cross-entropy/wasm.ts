import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { CrossEntropyAttributes, CrossEntropyGradAttributes } from './index.ts'

export const crossEntropyWasm: WasmKernel<CrossEntropyAttributes> = (context, { rows, width, start, targets }) => {
  const [logits, lseBefore, pickedBefore] = ['logits', 'lse', 'picked'].map((name) => context.input(name).pointer)
  const ids = context.upload(targets)
  const lse = context.output([rows])
  const picked = context.output([rows])
  context.exports.crossEntropy(logits, lseBefore, pickedBefore, ids, lse, picked, rows, width, start)
}

export const crossEntropyGradWasm: WasmKernel<CrossEntropyGradAttributes> = (context, attributes) => {
  const { rows, width, start, targets, weights } = attributes
  const [logits, lse, dLoss] = ['logits', 'lse', 'dLoss'].map((name) => context.input(name).pointer)
  const ids = context.upload(targets)
  const shares = context.upload(weights)
  const dLogits = context.output([rows, width])
  context.exports.crossEntropyGrad(logits, lse, ids, shares, dLoss, dLogits, rows, width, start)
}
