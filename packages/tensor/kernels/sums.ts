/** Sums of flat arrays, element by element. */

/** out = a + b, `size` floats each. */
export function add(a: usize, b: usize, out: usize, size: i32): void {
  const bytes = <usize>size << 2
  const blocks = bytes & ~31
  let at: usize = 0
  for (; at < blocks; at += 32) {
    const low = f32x4.add(v128.load(a + at), v128.load(b + at)), high = f32x4.add(v128.load(a + at, 16), v128.load(b + at, 16))
    v128.store(out + at, low)
    v128.store(out + at, high, 16)
  }
  for (; at < bytes; at += 4) store<f32>(out + at, load<f32>(a + at) + load<f32>(b + at))
}
