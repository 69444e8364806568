/**
 * Attention of few queries over many keys: decoding. Keys and values are read in place, and once for all rows: a block of keys at a time,
 * for every head. A token's heads lie beside one another, so that is one stream through memory; head by head each page would be
 * visited as often as there are heads.
 */
import { keysHidden, keysSeen, roundUp8, softmaxRow, storeScaled } from './attention-parts'
import { dots } from './dots'
import { exp1, log1, madd } from './simd'

/** A block of one head at E = 128 takes 16 KB: it stays in the L1 cache for all rows. */
const blockKeys = 32

/** Bytes for the scores of `rows` rows and the inverse of each one's sum. */
export function fewScratch(keys: i32, rows: i32): usize {
  return <usize>(roundUp8(rows) + rows * roundUp8(keys)) << 2
}

/** One segment, for the query heads h0 .. h1 - 1. Its first rows are at q, o and lse, its keys at k and v. */
export function attendFew(
  q: usize, k: usize, v: usize, o: usize, lse: usize, queries: i32, keys: i32,
  group: i32, H: i32, K: i32, E: i32, causal: boolean, window: i32, scale: f32, scratch: usize, h0: i32, h1: i32,
): void {
  const headBytes = <usize>E << 2
  const stride = <usize>K * headBytes
  const rowBytes = <usize>roundUp8(keys) << 2
  const heads = h1 - h0
  // Of a key and a value: the heads that these query heads read.
  const part = <usize>(h0 / group) * headBytes
  const partBytes = <usize>((h1 - 1) / group + 1) * headBytes - part
  const inverses = scratch + 256
  const scores = inverses + (<usize>roundUp8(queries * heads) << 2)

  for (let from = 0; from < keys; from += blockKeys) {
    const to = min(from + blockKeys, keys)
    touch(k + <usize>from * stride + part, to - from, stride, partBytes, scratch)
    for (let h = h0; h < h1; h++) {
      const head = k + <usize>(h / group) * headBytes
      for (let t = 0; t < queries; t++) {
        const start = keysHidden(t, 1, queries, keys, causal, window)
        const first = max(from, start)
        const count = min(to, keysSeen(t, 1, queries, keys, causal)) - first
        if (count <= 0) continue
        const row = scores + <usize>((h - h0) * queries + t) * rowBytes
        dots(
          q + <usize>(t * H + h) * headBytes, head + <usize>first * stride, stride, count, E,
          scratch, 0, row + (<usize>(first - start) << 2), 4,
        )
      }
    }
  }

  for (let h = h0; h < h1; h++) {
    for (let t = 0; t < queries; t++) {
      const r = (h - h0) * queries + t
      const seen = keysSeen(t, 1, queries, keys, causal) - keysHidden(t, 1, queries, keys, causal, window)
      const stats = lse + (<usize>(t * H + h) << 2)
      store<f32>(inverses + (<usize>r << 2), softmaxRow(scores + <usize>r * rowBytes, seen, roundUp8(seen), scale, stats))
      memory.fill(o + <usize>(t * H + h) * headBytes, 0, headBytes)
    }
  }

  for (let from = 0; from < keys; from += blockKeys) {
    const to = min(from + blockKeys, keys)
    touch(v + <usize>from * stride + part, to - from, stride, partBytes, scratch)
    for (let h = h0; h < h1; h++) {
      const head = v + <usize>(h / group) * headBytes
      for (let t = 0; t < queries; t++) {
        const start = keysHidden(t, 1, queries, keys, causal, window)
        const first = max(from, start)
        const count = min(to, keysSeen(t, 1, queries, keys, causal)) - first
        if (count <= 0) continue
        const row = scores + <usize>((h - h0) * queries + t) * rowBytes
        const out = o + <usize>(t * H + h) * headBytes
        addWeightedRows(row + (<usize>(first - start) << 2), head + <usize>first * stride, stride, count, E, out)
      }
    }
  }

  for (let h = h0; h < h1; h++) {
    for (let t = 0; t < queries; t++) {
      const out = o + <usize>(t * H + h) * headBytes
      storeScaled(out, E, load<f32>(inverses + (<usize>((h - h0) * queries + t) << 2)), out)
    }
  }
}

/** to [E] += sum over j of weights[j] * row_j, row_j at rows + j * stride. */
function addWeightedRows(weights: usize, rows: usize, stride: usize, count: i32, E: i32, to: usize): void {
  let e = 0
  for (; e + 16 <= E; e += 16) {
    let s0 = v128.load(to), s1 = v128.load(to, 16), s2 = v128.load(to, 32), s3 = v128.load(to, 48)
    let at = rows
    for (let j = 0; j < count; j++) {
      const w = v128.load32_splat(weights + (<usize>j << 2))
      s0 = madd(w, v128.load(at), s0)
      s1 = madd(w, v128.load(at, 16), s1)
      s2 = madd(w, v128.load(at, 32), s2)
      s3 = madd(w, v128.load(at, 48), s3)
      at += stride
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    rows += 64
    to += 64
  }
  for (; e < E; e++) {
    let sum = load<f32>(to)
    let at = rows
    for (let j = 0; j < count; j++) {
      sum += load<f32>(weights + (<usize>j << 2)) * load<f32>(at)
      at += stride
    }
    store<f32>(to, sum)
    rows += 4
    to += 4
  }
}

/**
 * Reads a word of every cache line of `count` rows, one after the other, as the processor fetches best; head by head it would wait for each
 * key. A tenth of a token's time after 1024 tokens (SmolLM2).
 */
function touch(at: usize, count: i32, stride: usize, bytes: usize, scratch: usize): void {
  let any: i32 = 0
  for (; count > 0; count--) {
    for (let i: usize = 0; i < bytes; i += 64) any |= load<i32>(at + i)
    at += stride
  }
  // Stored, or the reads would be left out.
  store<i32>(scratch + 252, any)
}

/**
 * o and lse of `rows` rows of E, from those of `count` parts of the keys, each over all rows: o_p at parts, lse_p at lses, one part after the
 * other. Every part sees a key.
 */
export function joinAttention(parts: usize, lses: usize, count: i32, rows: i32, E: i32, o: usize, lse: usize): void {
  const nextLse = <usize>rows << 2
  const nextPart = nextLse * <usize>E
  for (let r = 0; r < rows; r++) {
    let highest = load<f32>(lses)
    for (let p = 1; p < count; p++) highest = max(highest, load<f32>(lses + <usize>p * nextLse))
    let sum: f32 = 0
    for (let p = 0; p < count; p++) sum += exp1(load<f32>(lses + <usize>p * nextLse) - highest)
    store<f32>(lse, highest + log1(sum))
    for (let p = 0; p < count; p++) {
      const weight = exp1(load<f32>(lses + <usize>p * nextLse) - highest) / sum
      if (p == 0) storeScaled(parts, E, weight, o)
      else addScaled(parts + <usize>p * nextPart, E, weight, o)
    }
    lses += 4
    lse += 4
    parts += <usize>E << 2
    o += <usize>E << 2
  }
}

/** to += factor * from, `count` floats. */
function addScaled(from: usize, count: i32, factor: f32, to: usize): void {
  const four = f32x4.splat(factor)
  let e = 0
  for (; e + 4 <= count; e += 4) {
    v128.store(to, madd(four, v128.load(from), v128.load(to)))
    from += 16
    to += 16
  }
  for (; e < count; e++) {
    store<f32>(to, factor * load<f32>(from) + load<f32>(to))
    from += 4
    to += 4
  }
}
