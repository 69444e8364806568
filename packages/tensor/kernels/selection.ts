/** topK and argmax: a scan that only looks at lanes above the value to beat. Ties go to the lower column. */

/** values, indices [rows, k]: each row's k largest, descending. */
export function topK(x: usize, values: usize, indices: usize, rows: i32, width: i32, k: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < k; column++) insert(values, indices, column, load<f32>(x + (<usize>column << 2)), column)
    const last = values + (<usize>(k - 1) << 2)
    let column = k
    for (; column + 4 <= width; column += 4) {
      if (!v128.any_true(f32x4.gt(v128.load(x + (<usize>column << 2)), v128.load32_splat(last)))) continue
      for (let lane = 0; lane < 4; lane++) {
        const value = load<f32>(x + (<usize>(column + lane) << 2))
        if (value > load<f32>(last)) insert(values, indices, k - 1, value, column + lane)
      }
    }
    for (; column < width; column++) {
      const value = load<f32>(x + (<usize>column << 2))
      if (value > load<f32>(last)) insert(values, indices, k - 1, value, column)
    }
    x += <usize>width << 2
    values += <usize>k << 2
    indices += <usize>k << 2
  }
}

/** Insert a value into the first `count` of a descending list, after equal values; the last one is dropped. */
function insert(values: usize, indices: usize, count: i32, value: f32, index: i32): void {
  let rank = <usize>count << 2
  while (rank > 0 && load<f32>(values + rank - 4) < value) {
    store<f32>(values + rank, load<f32>(values + rank - 4))
    store<i32>(indices + rank, load<i32>(indices + rank - 4))
    rank -= 4
  }
  store<f32>(values + rank, value)
  store<i32>(indices + rank, index)
}

/** indices [rows]: the column of each row's largest value. */
export function argMax(x: usize, indices: usize, rows: i32, width: i32): void {
  for (let row = 0; row < rows; row++) {
    let best = load<f32>(x)
    let index = 0
    let column = 0
    for (; column + 4 <= width; column += 4) {
      if (!v128.any_true(f32x4.gt(v128.load(x + (<usize>column << 2)), f32x4.splat(best)))) continue
      for (let lane = 0; lane < 4; lane++) {
        const value = load<f32>(x + (<usize>(column + lane) << 2))
        if (value > best) {
          best = value
          index = column + lane
        }
      }
    }
    for (; column < width; column++) {
      const value = load<f32>(x + (<usize>column << 2))
      if (value > best) {
        best = value
        index = column
      }
    }
    store<i32>(indices + (<usize>row << 2), index)
    x += <usize>width << 2
  }
}
