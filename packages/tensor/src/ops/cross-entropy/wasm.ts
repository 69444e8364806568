import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type {
  CrossEntropyAttributes,
  CrossEntropyGradAttributes,
  CrossEntropyGradInputs,
  CrossEntropyInputs,
} from './attributes.ts'

export const crossEntropyWasm: WasmKernel<CrossEntropyInputs, CrossEntropyAttributes> = (
  context,
  { rows, width, start, targets },
) => {
  const [logits, lseBefore, pickedBefore] = context.pointers('logits', 'lse', 'picked')
  const ids = context.upload(targets)
  const lse = context.output([rows])
  const picked = context.output([rows])
  context.exports.crossEntropy(logits, lseBefore, pickedBefore, ids, lse, picked, rows, width, start)
}

export const crossEntropyGradWasm: WasmKernel<CrossEntropyGradInputs, CrossEntropyGradAttributes> = (context, attributes) => {
  const { rows, width, start, targets, weights } = attributes
  const [logits, lse, dLoss] = context.pointers('logits', 'lse', 'dLoss')
  const ids = context.upload(targets)
  const shares = context.upload(weights)
  const dLogits = context.output([rows, width])
  context.exports.crossEntropyGrad(logits, lse, ids, shares, dLoss, dLogits, rows, width, start)
}
