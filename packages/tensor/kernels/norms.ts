/** rmsNorm and layerNorm, forward and backward. Rows of `width` floats; statistics of a row are one float each. */
import { add } from './sums'
import { madd, sumOfLanes } from './simd'

/** sum (if y is given) = x + y; inverse = 1 / sqrt(mean(sum^2) + eps); normed = sum * inverse * weight. */
export function rmsNorm(
  x: usize, y: usize, weight: usize, sum: usize, normed: usize, inverse: usize, rows: i32, width: i32, eps: f32,
): void {
  const bytes = <usize>width << 2
  const blocks = <usize>(width & ~7) << 2
  for (let row = 0; row < rows; row++) {
    let source = x
    if (y) {
      add(x, y, sum, width)
      source = sum
    }
    let even = f32x4.splat(0)
    let odd = f32x4.splat(0)
    let at: usize = 0
    for (; at < blocks; at += 32) {
      const a = v128.load(source + at)
      const b = v128.load(source + at, 16)
      even = madd(a, a, even)
      odd = madd(b, b, odd)
    }
    let squares = sumOfLanes(f32x4.add(even, odd))
    for (; at < bytes; at += 4) squares += load<f32>(source + at) * load<f32>(source + at)
    const r: f32 = 1 / sqrt<f32>(squares / <f32>width + eps)
    store<f32>(inverse + (<usize>row << 2), r)
    const factor = f32x4.splat(r)
    at = 0
    for (; at < blocks; at += 32) {
      const a = f32x4.mul(f32x4.mul(v128.load(source + at), factor), v128.load(weight + at))
      const b = f32x4.mul(f32x4.mul(v128.load(source + at, 16), factor), v128.load(weight + at, 16))
      v128.store(normed + at, a)
      v128.store(normed + at, b, 16)
    }
    for (; at < bytes; at += 4) store<f32>(normed + at, load<f32>(source + at) * r * load<f32>(weight + at))
    x += bytes
    if (y) {
      y += bytes
      sum += bytes
    }
    normed += bytes
  }
}

/**
 * g = dNormed * weight; dx = inverse * (g - x * inverse^2 * mean(g * x)) + dSum (if given); dWeight = sum of dNormed * x * inverse.
 */
export function rmsNormGrad(
  x: usize, weight: usize, inverse: usize, dNormed: usize, dSum: usize, dx: usize, dWeight: usize, rows: i32, width: i32,
): void {
  const bytes = <usize>width << 2
  const blocks = bytes & ~15
  memory.fill(dWeight, 0, bytes)
  for (let row = 0; row < rows; row++) {
    const r = load<f32>(inverse + (<usize>row << 2))
    const factor = f32x4.splat(r)
    let dots = f32x4.splat(0)
    let at: usize = 0
    for (; at < blocks; at += 16) {
      const product = f32x4.mul(v128.load(dNormed + at), v128.load(x + at))
      dots = madd(product, v128.load(weight + at), dots)
      v128.store(dWeight + at, madd(product, factor, v128.load(dWeight + at)))
    }
    let dot = sumOfLanes(dots)
    for (; at < bytes; at += 4) {
      const product = load<f32>(dNormed + at) * load<f32>(x + at)
      dot += product * load<f32>(weight + at)
      store<f32>(dWeight + at, load<f32>(dWeight + at) + product * r)
    }
    const pull: f32 = (-dot / <f32>width) * r * r
    const pulls = f32x4.splat(pull)
    at = 0
    for (; at < blocks; at += 16) {
      const g = f32x4.mul(v128.load(dNormed + at), v128.load(weight + at))
      const inner = f32x4.mul(madd(v128.load(x + at), pulls, g), factor)
      v128.store(dx + at, dSum ? f32x4.add(inner, v128.load(dSum + at)) : inner)
    }
    for (; at < bytes; at += 4) {
      const inner = (load<f32>(dNormed + at) * load<f32>(weight + at) + load<f32>(x + at) * pull) * r
      store<f32>(dx + at, dSum ? inner + load<f32>(dSum + at) : inner)
    }
    x += bytes
    dNormed += bytes
    dx += bytes
    if (dSum) dSum += bytes
  }
}

/** y = (x - mean) * inverse * weight + bias, inverse = 1 / sqrt(variance + eps). */
export function layerNorm(
  x: usize, weight: usize, bias: usize, y: usize, mean: usize, inverse: usize, rows: i32, width: i32, eps: f32,
): void {
  const bytes = <usize>width << 2
  const blocks = bytes & ~15
  for (let row = 0; row < rows; row++) {
    let sums = f32x4.splat(0)
    let at: usize = 0
    for (; at < blocks; at += 16) sums = f32x4.add(sums, v128.load(x + at))
    let total = sumOfLanes(sums)
    for (; at < bytes; at += 4) total += load<f32>(x + at)
    const centre: f32 = total / <f32>width
    const centres = f32x4.splat(centre)
    let squares = f32x4.splat(0)
    at = 0
    for (; at < blocks; at += 16) {
      const away = f32x4.sub(v128.load(x + at), centres)
      squares = madd(away, away, squares)
    }
    let spread = sumOfLanes(squares)
    for (; at < bytes; at += 4) {
      const away = load<f32>(x + at) - centre
      spread += away * away
    }
    const r: f32 = 1 / sqrt<f32>(spread / <f32>width + eps)
    const factor = f32x4.splat(r)
    store<f32>(mean + (<usize>row << 2), centre)
    store<f32>(inverse + (<usize>row << 2), r)
    at = 0
    for (; at < blocks; at += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + at), centres), factor)
      v128.store(y + at, madd(normed, v128.load(weight + at), v128.load(bias + at)))
    }
    for (; at < bytes; at += 4) {
      store<f32>(y + at, (load<f32>(x + at) - centre) * r * load<f32>(weight + at) + load<f32>(bias + at))
    }
    x += bytes
    y += bytes
  }
}

/** h = (x - mean) * inverse, g = dy * weight: dx = inverse * (g - mean(g) - h * mean(g * h)); dWeight, dBias summed over rows. */
export function layerNormGrad(
  x: usize, weight: usize, mean: usize, inverse: usize, dy: usize, dx: usize, dWeight: usize, dBias: usize, rows: i32, width: i32,
): void {
  const bytes = <usize>width << 2
  const blocks = bytes & ~15
  memory.fill(dWeight, 0, bytes)
  memory.fill(dBias, 0, bytes)
  for (let row = 0; row < rows; row++) {
    const centre = load<f32>(mean + (<usize>row << 2))
    const r = load<f32>(inverse + (<usize>row << 2))
    const centres = f32x4.splat(centre)
    const factor = f32x4.splat(r)
    let sums = f32x4.splat(0)
    let dots = f32x4.splat(0)
    let at: usize = 0
    for (; at < blocks; at += 16) {
      const d = v128.load(dy + at)
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centres), factor)
      const g = f32x4.mul(d, v128.load(weight + at))
      sums = f32x4.add(sums, g)
      dots = madd(g, h, dots)
      v128.store(dWeight + at, madd(d, h, v128.load(dWeight + at)))
      v128.store(dBias + at, f32x4.add(d, v128.load(dBias + at)))
    }
    let sum = sumOfLanes(sums)
    let dot = sumOfLanes(dots)
    for (; at < bytes; at += 4) {
      const d = load<f32>(dy + at)
      const h = (load<f32>(x + at) - centre) * r
      const g = d * load<f32>(weight + at)
      sum += g
      dot += g * h
      store<f32>(dWeight + at, load<f32>(dWeight + at) + d * h)
      store<f32>(dBias + at, load<f32>(dBias + at) + d)
    }
    const meanG: f32 = sum / <f32>width
    const meanDot: f32 = -dot / <f32>width
    const meansG = f32x4.splat(meanG)
    const meansDot = f32x4.splat(meanDot)
    at = 0
    for (; at < blocks; at += 16) {
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centres), factor)
      const g = f32x4.sub(f32x4.mul(v128.load(dy + at), v128.load(weight + at)), meansG)
      v128.store(dx + at, f32x4.mul(madd(h, meansDot, g), factor))
    }
    for (; at < bytes; at += 4) {
      const h = (load<f32>(x + at) - centre) * r
      store<f32>(dx + at, (load<f32>(dy + at) * load<f32>(weight + at) - meanG + h * meanDot) * r)
    }
    x += bytes
    dy += bytes
    dx += bytes
  }
}
