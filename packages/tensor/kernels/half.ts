/**
 * Products with weights in 16-bit floats, W [O,D] as stored in checkpoints: y = x Wᵀ + bias, and its gradient dx = dy W.
 *
 * Few rows, as in decoding, read each 16 bytes of W once and widen them in registers, as such a product is bound by memory bandwidth.
 * More rows are a product like any other, in which W is widened while its panels are packed.
 */
import { storeDistant, streams } from './dots'
import { Bf16, F16, one } from './elements'
import { matMulScratch, product } from './matmul'
import { madd, maxOfLanes, sumOfLanes, sumsOfLanes } from './simd'

/** Columns that one step of a dot product takes. */
const block = 16
/** Up to this many rows of x, each row of W is multiplied with all of them before the next is read. It is widened again for each. */
// @ts-ignore: decorator
@inline
function fewRows(f16: boolean): i32 {
  return f16 ? 3 : 6
}

/** Bytes of scratch that halfMatMul needs. */
export function halfMatMulScratch(rows: i32, inputs: i32, outputs: i32, f16: boolean): i32 {
  return rows <= fewRows(f16) ? rows * arrangedBytes(inputs) : matMulScratch(outputs, inputs)
}

/**
 * y [rows, outputs] = x Wᵀ + bias. bias: address of `outputs` floats, or 0. strideOfY: floats from row to row of y, of which a part of
 * the columns may be given.
 */
export function halfMatMul(
  x: usize, halves: usize, bias: usize, y: usize,
  rows: i32, inputs: i32, outputs: i32, f16: boolean, strideOfY: i32, scratch: usize,
): void {
  if (rows <= fewRows(f16)) {
    if (f16) dotProducts<F16>(x, halves, bias, y, rows, inputs, outputs, strideOfY, scratch)
    else dotProducts<Bf16>(x, halves, bias, y, rows, inputs, outputs, strideOfY, scratch)
  } else if (f16) {
    product<F16>(x, halves, bias, y, rows, outputs, inputs, false, true, inputs, scratch, strideOfY)
  } else {
    product<Bf16>(x, halves, bias, y, rows, outputs, inputs, false, true, inputs, scratch, strideOfY)
  }
}

/** dx [rows, inputs] = dy W, with the scratch of matMul for N = inputs, K = outputs. */
export function halfMatMulGrad(dy: usize, halves: usize, dx: usize, rows: i32, inputs: i32, outputs: i32, f16: boolean, scratch: usize): void {
  if (f16) product<F16>(dy, halves, 0, dx, rows, inputs, outputs, false, false, outputs, scratch, inputs)
  else product<Bf16>(dy, halves, 0, dx, rows, inputs, outputs, false, false, outputs, scratch, inputs)
}

function dotProducts<T>(
  x: usize, halves: usize, bias: usize, y: usize, rows: i32, inputs: i32, outputs: i32, strideOfY: i32, scratch: usize,
): void {
  const row = <usize>inputs << 2
  const rowOfW = <usize>inputs << 1
  const step = <usize>strideOfY << 2
  for (let t = 0; t < rows; t++) arrange<T>(x + <usize>t * row, scratch + <usize>t * arrangedBytes(inputs), inputs)
  const quarter = outputs / streams
  for (let o = 0; o < quarter; o++) {
    const at = <usize>o << 2
    for (let t = 0; t < rows; t++) {
      const arranged = scratch + <usize>t * arrangedBytes(inputs)
      const sums = distantHalves<T>(x + <usize>t * row, arranged, halves + <usize>o * rowOfW, <usize>quarter * rowOfW, inputs)
      storeDistant(sums, bias ? bias + at : 0, y + <usize>t * step + at, <usize>quarter << 2, <usize>quarter << 2)
    }
  }
  for (let o = streams * quarter; o < outputs; o++) {
    const at = <usize>o << 2
    const offset: f32 = bias ? load<f32>(bias + at) : 0
    for (let t = 0; t < rows; t++) {
      const arranged = scratch + <usize>t * arrangedBytes(inputs)
      store<f32>(y + <usize>t * step + at, dotHalves<T>(x + <usize>t * row, arranged, halves + <usize>o * rowOfW, inputs) + offset)
    }
  }
}

/** Bytes of a row of x as dotHalves reads it: a unit, and its whole blocks. */
// @ts-ignore: decorator
@inline
function arrangedBytes(inputs: i32): i32 {
  return 16 + ((inputs & ~(block - 1)) << 2)
}

/**
 * Of each eight columns, the even ones before the odd ones, which is how they are extracted from the words of W: one shift, or one mask.
 *
 * Bits of F16, moved into a float's fields, are 2^112 too small. x is scaled up by as much, and divided by the
 * power of two of its largest value, the unit, so that nothing overflows or is lost; the sum is multiplied by the unit.
 */
function arrange<T>(x: usize, to: usize, inputs: i32): void {
  const blocks = inputs & ~(block - 1)
  let scale = f32x4.splat(1)
  if (isSigned<T>()) {
    let tops = f32x4.splat(0)
    for (let d = 0; d < blocks; d += 4) tops = f32x4.max(tops, f32x4.abs(v128.load(x + (<usize>d << 2))))
    const exponent = min(max(reinterpret<u32>(maxOfLanes(tops)) >> 23, 113), 254)
    store<f32>(to, reinterpret<f32>(exponent << 23))
    scale = f32x4.splat(reinterpret<f32>((366 - exponent) << 23))
  }
  to += 16
  for (let d = 0; d < blocks; d += 8) {
    const low = f32x4.mul(v128.load(x), scale)
    const high = f32x4.mul(v128.load(x, 16), scale)
    v128.store(to, v128.shuffle<f32>(low, high, 0, 2, 4, 6))
    v128.store(to, v128.shuffle<f32>(low, high, 1, 3, 5, 7), 16)
    x += 32
    to += 32
  }
}

/** x . w over `depth` columns; `arranged` is x as `arrange` made it. */
function dotHalves<T>(x: usize, arranged: usize, w: usize, depth: i32): f32 {
  const unit = load<f32>(arranged)
  let at = w
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  let tops = s0
  for (let k = depth & ~(block - 1); k > 0; k -= block) {
    const first = v128.load(at)
    const second = v128.load(at, 16)
    if (isSigned<T>()) {
      // Without the sign, which is shifted out, infinity and NaN are the largest.
      tops = i16x8.max_u(tops, i16x8.add(first, first))
      tops = i16x8.max_u(tops, i16x8.add(second, second))
    }
    s0 = madd(v128.load(arranged, 16), evens<T>(first), s0)
    s1 = madd(v128.load(arranged, 32), odds<T>(first), s1)
    s2 = madd(v128.load(arranged, 48), evens<T>(second), s2)
    s3 = madd(v128.load(arranged, 64), odds<T>(second), s3)
    arranged += 64
    at += 32
  }
  const sum = sumOfLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
  const left = depth & (block - 1)
  if (!isSigned<T>()) return sum + plainDot<T>(x + (<usize>(depth - left) << 2), at, left)
  if (v128.any_true(i16x8.ge_u(tops, i16x8.splat(-0x800)))) return plainDot<T>(x, w, depth)
  return sum * unit + plainDot<T>(x + (<usize>(depth - left) << 2), at, left)
}

/** Four such products: with w, and with the rows `far`, 2 `far` and 3 `far` bytes on. */
function distantHalves<T>(x: usize, arranged: usize, w: usize, far: usize, depth: i32): v128 {
  const blocks = depth & ~(block - 1)
  let part = arranged + 16
  let w0 = w, w1 = w0 + far, w2 = w1 + far, w3 = w2 + far
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  // Without the sign, infinity and NaN are the largest.
  let tops = s0
  for (let k = blocks; k > 0; k -= 8) {
    const even = v128.load(part), odd = v128.load(part, 16)
    const a = v128.load(w0), b = v128.load(w1), c = v128.load(w2), d = v128.load(w3)
    s0 = madd(odd, odds<T>(a), madd(even, evens<T>(a), s0))
    s1 = madd(odd, odds<T>(b), madd(even, evens<T>(b), s1))
    s2 = madd(odd, odds<T>(c), madd(even, evens<T>(c), s2))
    s3 = madd(odd, odds<T>(d), madd(even, evens<T>(d), s3))
    if (isSigned<T>()) {
      const ab = i16x8.max_u(i16x8.add(a, a), i16x8.add(b, b))
      tops = i16x8.max_u(tops, i16x8.max_u(ab, i16x8.max_u(i16x8.add(c, c), i16x8.add(d, d))))
    }
    part += 32
    w0 += 16
    w1 += 16
    w2 += 16
    w3 += 16
  }
  const left = depth - blocks
  const from = x + (<usize>blocks << 2)
  let sums = sumsOfLanes(s0, s1, s2, s3)
  if (isSigned<T>()) {
    if (v128.any_true(i16x8.ge_u(tops, i16x8.splat(-0x800)))) {
      return f32x4(
        plainDot<T>(x, w, depth), plainDot<T>(x, w + far, depth), plainDot<T>(x, w + 2 * far, depth), plainDot<T>(x, w + 3 * far, depth),
      )
    }
    sums = f32x4.mul(sums, v128.load32_splat(arranged))
  }
  if (left == 0) return sums
  const rest = f32x4(plainDot<T>(from, w0, left), plainDot<T>(from, w1, left), plainDot<T>(from, w2, left), plainDot<T>(from, w3, left))
  return f32x4.add(sums, rest)
}

/** Columns 0, 2, 4, 6 of eight as floats; those of F16 2^112 too small. */
// @ts-ignore: decorator
@inline
function evens<T>(eight: v128): v128 {
  const moved = i32x4.shl(eight, 16)
  return isSigned<T>() ? smallFloats(moved) : moved
}

/** Columns 1, 3, 5, 7 likewise. */
// @ts-ignore: decorator
@inline
function odds<T>(eight: v128): v128 {
  return isSigned<T>() ? smallFloats(eight) : v128.and(eight, i32x4.splat(0xffff0000))
}

/** Halves in the upper half of each lane: the exponent moves down three bits, under copies of the sign that are taken away. */
// @ts-ignore: decorator
@inline
function smallFloats(lanes: v128): v128 {
  return v128.and(i32x4.shr_s(lanes, 3), i32x4.splat(0x8fffe000))
}

/** Column by column: for the remainder of a block, and rows of W with infinities or NaN. */
function plainDot<T>(x: usize, w: usize, depth: i32): f32 {
  let sum: f32 = 0
  for (let d = 0; d < depth; d++) {
    sum += load<f32>(x) * one<T>(w)
    x += 4
    w += 2
  }
  return sum
}
