/** Moving and summing rows: gather, scatter, column sums. */

/** to[t] = table[ids[t]], or zeros where the id is -1. Rows of `bytes` bytes. */
export function gatherRows(table: usize, ids: usize, count: i32, bytes: usize, to: usize): void {
  for (let t = 0; t < count; t++) {
    const id = load<i32>(ids + (<usize>t << 2))
    if (id < 0) memory.fill(to, 0, bytes)
    else memory.copy(to, table + <usize>id * bytes, bytes)
    to += bytes
  }
}

/** `bytes` bytes of rows, to the row of the target whose number is at `at`. */
export function writeRows(rows: usize, target: usize, at: usize, rowBytes: usize, bytes: usize): void {
  memory.copy(target + <usize>load<i32>(at) * rowBytes, rows, bytes)
}

/** table [N rows] = 0, then table[ids[t]] += rows[t] where the id is not -1. */
export function scatterRows(rows: usize, ids: usize, count: i32, bytes: usize, table: usize, N: i32): void {
  memory.fill(table, 0, <usize>N * bytes)
  for (let t = 0; t < count; t++) {
    const id = load<i32>(ids + (<usize>t << 2))
    if (id >= 0) addTo(table + <usize>id * bytes, rows, bytes)
    rows += bytes
  }
}

/** sums [N] = sum over M rows of x, which are `stride` floats apart. */
export function columnSum(x: usize, M: i32, N: i32, sums: usize, stride: i32): void {
  const bytes = <usize>N << 2
  const step = <usize>stride << 2
  memory.fill(sums, 0, bytes)
  let m = 0
  for (; m + 4 <= M; m += 4) {
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) {
      const r0 = x + at
      const r1 = r0 + step
      const r2 = r1 + step
      const low = f32x4.add(v128.load(r0), v128.load(r1))
      const high = f32x4.add(v128.load(r2), v128.load(r2 + step))
      v128.store(sums + at, f32x4.add(v128.load(sums + at), f32x4.add(low, high)))
    }
    for (; at < bytes; at += 4) {
      const r0 = x + at
      const four = load<f32>(r0) + load<f32>(r0 + step) + load<f32>(r0 + 2 * step) + load<f32>(r0 + 3 * step)
      store<f32>(sums + at, load<f32>(sums + at) + four)
    }
    x += 4 * step
  }
  for (; m < M; m++) {
    addTo(sums, x, bytes)
    x += step
  }
}

/** to += from, `bytes` bytes of floats. */
function addTo(to: usize, from: usize, bytes: usize): void {
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)))
  for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at))
}
