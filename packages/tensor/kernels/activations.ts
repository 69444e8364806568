/**
 * silu, swiglu, gelu and their gradients: flat arrays of `size` floats.
 * Two vectors at a time: their chains of operations overlap, and where vectors are widened they are one. The last floats go through the
 * same vector code, one lane at a time.
 */
import { exp4, madd } from './simd'

export function silu(x: usize, y: usize, size: i32): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const low = silu4(v128.load(x + at))
    const high = silu4(v128.load(x + at, 16))
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) storeFirst(y + at, silu4(loadOne(x + at)))
}

export function siluGrad(x: usize, dy: usize, dx: usize, size: i32): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const low = f32x4.mul(v128.load(dy + at), siluSlope4(v128.load(x + at)))
    const high = f32x4.mul(v128.load(dy + at, 16), siluSlope4(v128.load(x + at, 16)))
    v128.store(dx + at, low)
    v128.store(dx + at, high, 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    storeFirst(dx + at, f32x4.mul(loadOne(dy + at), siluSlope4(loadOne(x + at))))
  }
}

/** y = silu(gate) * up */
export function swiglu(gate: usize, up: usize, y: usize, size: i32): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const low = f32x4.mul(silu4(v128.load(gate + at)), v128.load(up + at))
    const high = f32x4.mul(silu4(v128.load(gate + at, 16)), v128.load(up + at, 16))
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    storeFirst(y + at, f32x4.mul(silu4(loadOne(gate + at)), loadOne(up + at)))
  }
}

export function swigluGrad(gate: usize, up: usize, dy: usize, dGate: usize, dUp: usize, size: i32): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const xLow = v128.load(gate + at), xHigh = v128.load(gate + at, 16)
    const dLow = v128.load(dy + at), dHigh = v128.load(dy + at, 16)
    const sLow = sigmoid4(xLow), sHigh = sigmoid4(xHigh)
    const valueLow = f32x4.mul(xLow, sLow), valueHigh = f32x4.mul(xHigh, sHigh)
    const uLow = v128.load(up + at), uHigh = v128.load(up + at, 16)
    v128.store(dUp + at, f32x4.mul(dLow, valueLow))
    v128.store(dUp + at, f32x4.mul(dHigh, valueHigh), 16)
    v128.store(dGate + at, f32x4.mul(f32x4.mul(dLow, uLow), siluSlopeOf(sLow, valueLow)))
    v128.store(dGate + at, f32x4.mul(f32x4.mul(dHigh, uHigh), siluSlopeOf(sHigh, valueHigh)), 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    const x = loadOne(gate + at)
    const d = loadOne(dy + at)
    const s = sigmoid4(x)
    const value = f32x4.mul(x, s)
    const u = loadOne(up + at)
    storeFirst(dUp + at, f32x4.mul(d, value))
    storeFirst(dGate + at, f32x4.mul(f32x4.mul(d, u), siluSlopeOf(s, value)))
  }
}

export function gelu(x: usize, y: usize, size: i32, tanh: bool): void {
  if (tanh) geluOf(x, y, size, true)
  else geluOf(x, y, size, false)
}

export function geluGrad(x: usize, dy: usize, dx: usize, size: i32, tanh: bool): void {
  if (tanh) geluGradOf(x, dy, dx, size, true)
  else geluGradOf(x, dy, dx, size, false)
}

/** Inlined with a constant `tanh`: vectors are widened only within a block of code that does not branch. */
// @ts-ignore: decorator
@inline
function geluOf(x: usize, y: usize, size: i32, tanh: bool): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const low = gelu4(v128.load(x + at), tanh)
    const high = gelu4(v128.load(x + at, 16), tanh)
    v128.store(y + at, low)
    v128.store(y + at, high, 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) storeFirst(y + at, gelu4(loadOne(x + at), tanh))
}

// @ts-ignore: decorator
@inline
function geluGradOf(x: usize, dy: usize, dx: usize, size: i32, tanh: bool): void {
  let at: usize = 0
  for (const blocks = <usize>(size & ~7) << 2; at < blocks; at += 32) {
    const low = f32x4.mul(v128.load(dy + at), geluSlope4(v128.load(x + at), tanh))
    const high = f32x4.mul(v128.load(dy + at, 16), geluSlope4(v128.load(x + at, 16), tanh))
    v128.store(dx + at, low)
    v128.store(dx + at, high, 16)
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    storeFirst(dx + at, f32x4.mul(loadOne(dy + at), geluSlope4(loadOne(x + at), tanh)))
  }
}

// @ts-ignore: decorator
@inline
function gelu4(x: v128, tanh: bool): v128 {
  return f32x4.mul(x, tanh ? gate4(x) : normal4(x, bell4(x)))
}

// @ts-ignore: decorator
@inline
function geluSlope4(x: v128, tanh: bool): v128 {
  return tanh ? gateSlope4(x) : normalSlope4(x)
}

// @ts-ignore: decorator
@inline
function loadOne(at: usize): v128 {
  return v128.load32_zero(at)
}

// @ts-ignore: decorator
@inline
function storeFirst(at: usize, v: v128): void {
  store<f32>(at, f32x4.extract_lane(v, 0))
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))))
}

// @ts-ignore: decorator
@inline
function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x))
}

// @ts-ignore: decorator
@inline
function siluSlope4(x: v128): v128 {
  const s = sigmoid4(x)
  return siluSlopeOf(s, f32x4.mul(x, s))
}

/** s (1 + x (1 - s)) = s + value (1 - s), where value = x s. */
// @ts-ignore: decorator
@inline
function siluSlopeOf(s: v128, value: v128): v128 {
  return madd(value, f32x4.sub(f32x4.splat(1), s), s)
}

/** e^(-x^2 / 2) */
// @ts-ignore: decorator
@inline
function bell4(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)))
}

/**
 * The normal distribution function, (1 + erf(x / sqrt 2)) / 2, from its bell: Abramowitz & Stegun 7.1.26, absolute error 1.5e-7.
 * With z = |x| / sqrt 2 and t = 1 / (1 + p z), erfc(z) = (a1 t + .. + a5 t^5) e^(-z^2).
 */
// @ts-ignore: decorator
@inline
function normal4(x: v128, bell: v128): v128 {
  const t = f32x4.div(f32x4.splat(1), madd(f32x4.abs(x), f32x4.splat(0.3275911 * 0.70710678118654752), f32x4.splat(1)))
  let p = madd(f32x4.splat(1.061405429), t, f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(p, t), bell), f32x4.splat(0.5))
  return v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)))
}

/** Phi(x) + x phi(x) */
// @ts-ignore: decorator
@inline
function normalSlope4(x: v128): v128 {
  const bell = bell4(x)
  return madd(f32x4.mul(x, f32x4.splat(0.3989422804014327)), bell, normal4(x, bell))
}

/** (1 + tanh u) / 2 = sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3) */
// @ts-ignore: decorator
@inline
function gate4(x: v128): v128 {
  const inner = madd(f32x4.mul(x, x), f32x4.splat(0.044715), f32x4.splat(1))
  return sigmoid4(f32x4.mul(f32x4.mul(x, inner), f32x4.splat(1.5957691216057308)))
}

/** f + x f', f the gate: f' = 2 f (1 - f) u' */
// @ts-ignore: decorator
@inline
function gateSlope4(x: v128): v128 {
  const f = gate4(x)
  const slope = madd(f32x4.mul(x, x), f32x4.splat(0.134145 * 1.5957691216057308), f32x4.splat(1.5957691216057308))
  return madd(f32x4.mul(x, slope), f32x4.mul(f, f32x4.sub(f32x4.splat(1), f)), f)
}
