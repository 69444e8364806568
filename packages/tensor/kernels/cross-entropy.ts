/** Cross entropy in chunks of columns: a chunk [rows, width] of the vocabulary starting at id `start`. */
import { exp1, exp4, log1, maxOfLanes, sumOfLanes } from './simd'

/** Fold the chunk into each row's log-sum-exp and the target's logit; `lseBefore` and `pickedBefore` 0 for the first chunk. */
export function crossEntropy(
  logits: usize, lseBefore: usize, pickedBefore: usize, targets: usize, lse: usize, picked: usize, rows: i32, width: i32, start: i32,
): void {
  const bytes = <usize>width << 2
  const blocks = bytes & ~15
  for (let row = 0; row < rows; row++) {
    const here = <usize>row << 2
    let tops = f32x4.splat(-Infinity)
    let at: usize = 0
    for (; at < blocks; at += 16) tops = f32x4.max(tops, v128.load(logits + at))
    let top = maxOfLanes(tops)
    for (; at < bytes; at += 4) top = max<f32>(top, load<f32>(logits + at))
    if (lseBefore) top = max<f32>(top, load<f32>(lseBefore + here))

    const shift = f32x4.splat(top)
    let sums = f32x4.splat(0)
    at = 0
    for (; at < blocks; at += 16) sums = f32x4.add(sums, exp4(f32x4.sub(v128.load(logits + at), shift)))
    let sum = sumOfLanes(sums)
    for (; at < bytes; at += 4) sum += exp1(load<f32>(logits + at) - top)
    if (lseBefore) sum += exp1(load<f32>(lseBefore + here) - top)
    store<f32>(lse + here, top + log1(sum))

    const column = load<i32>(targets + here) - start
    const before: f32 = pickedBefore ? load<f32>(pickedBefore + here) : 0
    const inside = column >= 0 && column < width
    store<f32>(picked + here, inside ? before + load<f32>(logits + (<usize>column << 2)) : before)
    logits += bytes
  }
}

/** dLoss * weights[row] * (e^(logit - lse) - [column is the target]). */
export function crossEntropyGrad(
  logits: usize, lse: usize, targets: usize, weights: usize, dLoss: usize, dLogits: usize, rows: i32, width: i32, start: i32,
): void {
  const bytes = <usize>width << 2
  const blocks = bytes & ~15
  for (let row = 0; row < rows; row++) {
    const here = <usize>row << 2
    const factor = load<f32>(weights + here) * load<f32>(dLoss)
    if (factor == 0) {
      memory.fill(dLogits, 0, bytes)
    } else {
      const shift = f32x4.splat(load<f32>(lse + here))
      const factors = f32x4.splat(factor)
      let at: usize = 0
      for (; at < blocks; at += 16) {
        v128.store(dLogits + at, f32x4.mul(factors, exp4(f32x4.sub(v128.load(logits + at), shift))))
      }
      for (; at < bytes; at += 4) store<f32>(dLogits + at, factor * exp1(load<f32>(logits + at) - load<f32>(lse + here)))
      const column = load<i32>(targets + here) - start
      if (column >= 0 && column < width) {
        const target = dLogits + (<usize>column << 2)
        store<f32>(target, load<f32>(target) - factor)
      }
    }
    logits += bytes
    dLogits += bytes
  }
}
