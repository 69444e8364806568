/**
 * Products of many rows with weights in 8 or 4 bits, one f16 scale per group of columns (layout: src/ops/quantized-linear/quantize.ts).
 *
 * Four outputs' weights at a time are widened into a panel [4, inputs] of floats, which stays in L1 while all rows
 * are multiplied with it. A single row has its own kernel (quantized-row.ts).
 */
import { madd, sumOfLanes, sumsOfLanes } from './simd'
import { widen } from './widen'

/** y[t,o] = x[t] . W[o] + bias[o] (if given). `panel` is scratch for 4 * inputs floats. */
export function quantizedMatMul(
  x: usize, values: usize, scales: usize, bias: usize, y: usize, panel: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  const width = <usize>inputs << 2
  const groups = (inputs + group - 1) / group
  for (let o = 0; o < outputs; o += 4) {
    const count = min(4, outputs - o)
    widen(values + <usize>o * stride, scales + (<usize>(o * groups) << 1), panel, count, inputs, bits, group, stride)
    for (let t = 0; t < rows; t++) {
      const row = x + <usize>t * width
      const out = y + (<usize>(t * outputs + o) << 2)
      if (count == 4) {
        v128.store(out, dots(row, panel, width))
      } else {
        for (let i = 0; i < count; i++) store<f32>(out + (<usize>i << 2), dot(row, panel + <usize>i * width, width))
      }
      if (bias) {
        for (let i = 0; i < count; i++) {
          const at = out + (<usize>i << 2)
          store<f32>(at, load<f32>(at) + load<f32>(bias + (<usize>(o + i) << 2)))
        }
      }
    }
  }
}

/** dx[t] = sum_o dy[t,o] W[o]. `panel` as above. */
export function quantizedGrad(
  dy: usize, values: usize, scales: usize, dx: usize, panel: usize,
  rows: i32, inputs: i32, outputs: i32, bits: i32, group: i32, stride: i32,
): void {
  const width = <usize>inputs << 2
  const blocks = width & ~15
  const groups = (inputs + group - 1) / group
  memory.fill(dx, 0, <usize>rows * width)
  for (let o = 0; o < outputs; o += 4) {
    const count = min(4, outputs - o)
    widen(values + <usize>o * stride, scales + (<usize>(o * groups) << 1), panel, count, inputs, bits, group, stride)
    if (count < 4) memory.fill(panel + <usize>count * width, 0, <usize>(4 - count) * width)
    for (let t = 0; t < rows; t++) {
      const d = dy + (<usize>(t * outputs + o) << 2)
      const out = dx + <usize>t * width
      const a = load<f32>(d)
      const b: f32 = count > 1 ? load<f32>(d, 4) : 0
      const c: f32 = count > 2 ? load<f32>(d, 8) : 0
      const e: f32 = count > 3 ? load<f32>(d, 12) : 0
      let at: usize = 0
      for (; at < blocks; at += 16) {
        const first = panel + at
        let sum = madd(f32x4.splat(a), v128.load(first), v128.load(out + at))
        sum = madd(f32x4.splat(b), v128.load(first + width), sum)
        sum = madd(f32x4.splat(c), v128.load(first + 2 * width), sum)
        v128.store(out + at, madd(f32x4.splat(e), v128.load(first + 3 * width), sum))
      }
      for (; at < width; at += 4) {
        const first = panel + at
        const sum = a * load<f32>(first) + b * load<f32>(first + width) + c * load<f32>(first + 2 * width) + e * load<f32>(first + 3 * width)
        store<f32>(out + at, load<f32>(out + at) + sum)
      }
    }
  }
}

/** One row times the panel's four rows. */
// @ts-ignore: decorator
@inline
function dots(x: usize, panel: usize, width: usize): v128 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  const blocks = width & ~15
  let at: usize = 0
  for (; at < blocks; at += 16) {
    const v = v128.load(x + at)
    const first = panel + at
    a = madd(v, v128.load(first), a)
    b = madd(v, v128.load(first + width), b)
    c = madd(v, v128.load(first + 2 * width), c)
    d = madd(v, v128.load(first + 3 * width), d)
  }
  let sums = sumsOfLanes(a, b, c, d)
  for (; at < width; at += 4) {
    const first = panel + at
    const column = f32x4(load<f32>(first), load<f32>(first + width), load<f32>(first + 2 * width), load<f32>(first + 3 * width))
    sums = madd(f32x4.splat(load<f32>(x + at)), column, sums)
  }
  return sums
}

function dot(a: usize, b: usize, width: usize): f32 {
  let sums = f32x4.splat(0)
  const blocks = width & ~15
  let at: usize = 0
  for (; at < blocks; at += 16) sums = madd(v128.load(a + at), v128.load(b + at), sums)
  let sum = sumOfLanes(sums)
  for (; at < width; at += 4) sum += load<f32>(a + at) * load<f32>(b + at)
  return sum
}
