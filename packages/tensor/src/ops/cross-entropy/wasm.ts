import { partOf, workPerValue, type WasmKernel } from '../../engine/wasm/kernel.ts'
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
  context.share('crossEntropy', { count: rows, work: workPerValue * rows * width }, (begin, count) => [
    partOf(logits, begin * width),
    ...[lseBefore, pickedBefore, ids, lse, picked].map((pointer) => partOf(pointer, begin)),
    ...[count, width, start],
  ])
}

export const crossEntropyGradWasm: WasmKernel<CrossEntropyGradInputs, CrossEntropyGradAttributes> = (context, attributes) => {
  const { rows, width, start, targets, weights } = attributes
  const [logits, lse, dLoss] = context.pointers('logits', 'lse', 'dLoss')
  const ids = context.upload(targets)
  const shares = context.upload(weights)
  const dLogits = context.output([rows, width])
  context.share('crossEntropyGrad', { count: rows, work: workPerValue * rows * width }, (begin, count) => [
    ...[partOf(logits, begin * width), partOf(lse, begin), partOf(ids, begin), partOf(shares, begin)],
    ...[dLoss, partOf(dLogits, begin * width), count, width, start],
  ])
}
