/** Dot products: products with few rows on one side, where packing would cost more than it saves. */
import { madd, sumOfLanes, sumsOfLanes } from './simd'

/**
 * Rows of a weight that few-row products take at once, a quarter of the matrix apart: the processor fetches several distant streams
 * ahead, where one stream of short rows makes it wait.
 */
export const streams = 4

/**
 * For short rows, four at once: to[s * toStep] = x . y_s + bias[s * biasStep] for `count` rows y_s at y + s * stride.
 * Strides and steps in bytes.
 */
export function dots(x: usize, y: usize, stride: usize, count: i32, depth: i32, bias: usize, biasStep: usize, to: usize, toStep: usize): void {
  let s = 0
  for (; s + 4 <= count; s += 4) {
    storeDistant(distantDots(x, y, stride, depth), bias, to, biasStep, toStep)
    y += 4 * stride
    to += 4 * toStep
    bias += 4 * biasStep
  }
  for (; s < count; s++) {
    store<f32>(to, dot(x, y, depth) + load<f32>(bias))
    y += stride
    to += toStep
    bias += biasStep
  }
}

/** One dot product, with four chains of additions. The remainder comes first: after the loop it would cost registers. */
export function dot(x: usize, y: usize, depth: i32): f32 {
  let first: f32 = 0
  for (let k = depth & 15; k > 0; k--) {
    first += load<f32>(x) * load<f32>(y)
    x += 4
    y += 4
  }
  let s0 = f32x4.replace_lane(f32x4.splat(0), 0, first)
  let s1 = f32x4.splat(0), s2 = s1, s3 = s1
  for (let k = depth >> 4; k > 0; k--) {
    s0 = madd(v128.load(x), v128.load(y), s0)
    s1 = madd(v128.load(x, 16), v128.load(y, 16), s1)
    s2 = madd(v128.load(x, 32), v128.load(y, 32), s2)
    s3 = madd(v128.load(x, 48), v128.load(y, 48), s3)
    x += 64
    y += 64
  }
  return sumOfLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
}

/** Four dot products of x: with y, and with the rows `far`, 2 `far` and 3 `far` bytes on. */
export function distantDots(x: usize, y: usize, far: usize, depth: i32): v128 {
  let y1 = y + far
  let y2 = y1 + far
  let y3 = y2 + far
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0
  for (let k = depth >> 3; k > 0; k--) {
    const low = v128.load(x)
    const high = v128.load(x, 16)
    a0 = madd(low, v128.load(y), a0)
    b0 = madd(high, v128.load(y, 16), b0)
    a1 = madd(low, v128.load(y1), a1)
    b1 = madd(high, v128.load(y1, 16), b1)
    a2 = madd(low, v128.load(y2), a2)
    b2 = madd(high, v128.load(y2, 16), b2)
    a3 = madd(low, v128.load(y3), a3)
    b3 = madd(high, v128.load(y3, 16), b3)
    x += 32
    y += 32
    y1 += 32
    y2 += 32
    y3 += 32
  }
  let sums = sumsOfLanes(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3))
  for (let k = depth & 7; k > 0; k--) {
    const column = f32x4(load<f32>(y), load<f32>(y1), load<f32>(y2), load<f32>(y3))
    sums = madd(v128.load32_splat(x), column, sums)
    x += 4
    y += 4
    y1 += 4
    y2 += 4
    y3 += 4
  }
  return sums
}

/** Lane s of `sums` to `to` + s * step, with bias[s * step] (if given) added. `step` in bytes. */
export function storeDistant(sums: v128, bias: usize, to: usize, biasStep: usize, step: usize): void {
  if (bias) {
    const biases = f32x4(load<f32>(bias), load<f32>(bias + biasStep), load<f32>(bias + 2 * biasStep), load<f32>(bias + 3 * biasStep))
    sums = f32x4.add(sums, biases)
  }
  store<f32>(to, f32x4.extract_lane(sums, 0))
  store<f32>(to + step, f32x4.extract_lane(sums, 1))
  store<f32>(to + 2 * step, f32x4.extract_lane(sums, 2))
  store<f32>(to + 3 * step, f32x4.extract_lane(sums, 3))
}
