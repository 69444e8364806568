/** The AdamW step, and the sum of squares for gradient clipping: flat arrays of `size` floats. */
import { madd } from './simd'

/**
 * In place on parameter, m and v. `decay`, `stepSize` and `rootCorrection` as adamwFactors gives them; fresh1 and fresh2 are
 * 1 - beta1 and 1 - beta2, computed by the caller in double precision: in float32, 1 - 0.999 is wrong in the fifth digit.
 */
export function adamw(
  parameter: usize, m: usize, v: usize, gradient: usize, size: i32,
  fresh1: f32, beta2: f32, fresh2: f32, eps: f32, decay: f32, stepSize: f32, rootCorrection: f32, gradientScale: f32,
): void {
  const gains1 = f32x4.splat(fresh1)
  const gains2 = f32x4.splat(fresh2)
  const b2 = f32x4.splat(beta2)
  const scales = f32x4.splat(gradientScale)
  const decays = f32x4.splat(decay)
  const steps = f32x4.splat(stepSize)
  const roots = f32x4.splat(rootCorrection)
  const epsilons = f32x4.splat(eps)
  let at: usize = 0
  for (const blocks = <usize>(size & ~3) << 2; at < blocks; at += 16) {
    const g = f32x4.mul(v128.load(gradient + at), scales)
    const m0 = v128.load(m + at)
    const m1 = madd(gains1, f32x4.sub(g, m0), m0)
    const v1 = madd(f32x4.mul(gains2, g), g, f32x4.mul(b2, v128.load(v + at)))
    const root = madd(f32x4.sqrt(v1), roots, epsilons)
    const move = f32x4.div(f32x4.mul(steps, m1), root)
    v128.store(m + at, m1)
    v128.store(v + at, v1)
    v128.store(parameter + at, f32x4.sub(f32x4.mul(v128.load(parameter + at), decays), move))
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    const g = load<f32>(gradient + at) * gradientScale
    const m0 = load<f32>(m + at)
    const m1 = m0 + fresh1 * (g - m0)
    const v1 = beta2 * load<f32>(v + at) + fresh2 * g * g
    store<f32>(m + at, m1)
    store<f32>(v + at, v1)
    store<f32>(parameter + at, load<f32>(parameter + at) * decay - (stepSize * m1) / (sqrt<f32>(v1) * rootCorrection + eps))
  }
}

/** total = carry (0 if not given) + sum of x^2, summed in double precision. */
export function sumOfSquares(x: usize, size: i32, carry: usize, total: usize): void {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  let at: usize = 0
  for (const blocks = <usize>(size & ~3) << 2; at < blocks; at += 16) {
    const block = v128.load(x + at)
    const a = f64x2.promote_low_f32x4(block)
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(block, block, 2, 3, 0, 1))
    low = f64x2.add(low, f64x2.mul(a, a))
    high = f64x2.add(high, f64x2.mul(b, b))
  }
  const both = f64x2.add(low, high)
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
  for (const end = <usize>size << 2; at < end; at += 4) {
    const value = <f64>load<f32>(x + at)
    sum += value * value
  }
  if (carry) sum += <f64>load<f32>(carry)
  store<f32>(total, <f32>sum)
}
