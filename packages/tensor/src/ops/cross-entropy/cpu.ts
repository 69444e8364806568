import type { CpuKernel } from '../../engine/cpu.ts'
import type {
  CrossEntropyAttributes,
  CrossEntropyGradAttributes,
  CrossEntropyGradInputs,
  CrossEntropyInputs,
} from './attributes.ts'

/** Fold columns [start, start + width) into log-sum-exp and the target's logit of each row. Outputs: lse, picked. */
export const crossEntropyCpu: CpuKernel<CrossEntropyInputs, CrossEntropyAttributes> = (
  { logits, lse, picked },
  { rows, width, start, targets },
) => {
  const sums = new Float32Array(rows)
  const targetLogits = new Float32Array(rows)
  for (let t = 0; t < rows; t++) {
    const row = logits.data.subarray(t * width, (t + 1) * width)
    let top = lse ? lse.data[t] : -Infinity
    for (const logit of row) top = Math.max(top!, logit)
    let sum = lse ? Math.exp(lse.data[t]! - top!) : 0
    for (const logit of row) sum += Math.exp(logit - top!)
    sums[t] = top! + Math.log(sum)
    const column = targets[t]! - start
    targetLogits[t] = (picked ? picked.data[t] : 0)! + (column >= 0 && column < width ? row[column] : 0)!
  }
  return [
    { data: sums, shape: [rows] },
    { data: targetLogits, shape: [rows] },
  ]
}

/** dLoss * weight * (softmax - one-hot of the target), on the columns given. */
export const crossEntropyGradCpu: CpuKernel<CrossEntropyGradInputs, CrossEntropyGradAttributes> = (
  { logits, lse, dLoss },
  { rows, width, start, targets, weights },
) => {
  const dLogits = new Float32Array(rows * width)
  for (let t = 0; t < rows; t++) {
    const factor = weights[t]! * dLoss.data[0]!
    if (factor === 0) continue
    for (let c = 0; c < width; c++) {
      dLogits[t * width + c] =
        factor * (Math.exp(logits.data[t * width + c]! - lse.data[t]!) - (start + c === targets[t] ? 1 : 0))
    }
  }
  return [{ data: dLogits, shape: [rows, width] }]
}
