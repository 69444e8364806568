/**
 * c [M,N] = a b + bias, either side transposed.
 *
 * Blocked as in Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008): a block of b, packed, fills the
 * L2 cache; one of its panels and one of a fill L1; the tile stays in registers. A panel of a meets all panels of b before the next one, so
 * that rows of c are written in order.
 */
import { packCompressedColumns, packCompressedRows } from './compressed'
import { distantDots, dot, storeDistant, streams } from './dots'
import { packColumns, packRows, panelBytes } from './pack'
import { packLeftColumns, packLeftRows, tileRows } from './pack-left'
import { tallTile } from './tall-tile'
import { tileOfColumns } from './tile'
import { wideTallTile } from './wide-tile'

const blockDepth = 256
const blockColumns = 512
const blockRows = ASC_FEATURE_RELAXED_SIMD ? 72 : 64
/** Up to this many rows (or columns) the product is done as dot products along the other side. */
const fewRows = 6

/** From row to row of a tile that hangs over the edge. */
const tileStride: usize = WIDE ? 64 : 32
const tileBytes: usize = tileRows * tileStride

/** Bytes of scratch that matMul needs. */
export function matMulScratch(N: i32, K: i32): i32 {
  const depth = min(K, blockDepth)
  const columns = min(N, blockColumns)
  return <i32>(panelBytes(depth, columns) + panelBytes(1, N) + <usize>(depth * blockRows * 4) + tileBytes)
}

/**
 * bias: address of N floats, or 0. strideOfA, strideOfC: floats from line to line of a and c as they are stored, so that a part of their
 * columns can be given.
 */
export function matMul(
  a: usize, b: usize, bias: usize, c: usize,
  M: i32, N: i32, K: i32, transposeA: boolean, transposeB: boolean, strideOfA: i32, scratch: usize, strideOfC: i32,
): void {
  if (!transposeA && (transposeB || N === 1) && min(M, N) <= fewRows) dotProducts(a, b, bias, c, M, N, K, strideOfC)
  else product<f32>(a, b, bias, c, M, N, K, transposeA, transposeB, strideOfA, scratch, strideOfC)
}

/** The same in blocks, for any number of rows. T is the element type of b; a Compressed b is the address of a description. */
export function product<T>(
  a: usize, b: usize, bias: usize, c: usize,
  M: i32, N: i32, K: i32, transposeA: boolean, transposeB: boolean, strideOfA: i32, scratch: usize, strideOfC: i32,
): void {
  const biasRow = scratch // N floats, padded to a whole panel, zero where there is no bias
  const tile = biasRow + panelBytes(1, N) // [tileRows][8 or 16], for tiles that hang over the edge
  const panelsOfA = tile + tileBytes // [blockRows / tileRows][depth][tileRows]
  const panelsOfB = panelsOfA + <usize>(min(K, blockDepth) * blockRows * 4)
  memory.fill(biasRow, 0, panelBytes(1, N))
  if (bias) memory.copy(biasRow, bias, <usize>N << 2)
  if (K === 0) {
    for (let m = 0; m < M; m++) memory.copy(c + (<usize>(m * strideOfC) << 2), biasRow, <usize>N << 2)
    return
  }
  for (let n0 = 0; n0 < N; n0 += blockColumns) {
    const columns = min(blockColumns, N - n0)
    for (let k0 = 0; k0 < K; k0 += blockDepth) {
      const depth = min(blockDepth, K - k0)
      if (sizeof<T>() === 1) {
        if (transposeB) packCompressedColumns(b, n0, k0, depth, columns, panelsOfB)
        else packCompressedRows(b, n0, k0, depth, columns, panelsOfB)
      } else if (transposeB) packColumns<T>(b + <usize>(n0 * K + k0) * sizeof<T>(), <usize>K * sizeof<T>(), depth, columns, panelsOfB)
      else packRows<T>(b + <usize>(k0 * N + n0) * sizeof<T>(), <usize>N * sizeof<T>(), depth, columns, panelsOfB)
      for (let m0 = 0; m0 < M; m0 += blockRows) {
        const rows = min(blockRows, M - m0)
        if (transposeA) packLeftColumns(a + (<usize>(k0 * strideOfA + m0) << 2), <usize>strideOfA << 2, depth, rows, panelsOfA)
        else packLeftRows(a + (<usize>(m0 * strideOfA + k0) << 2), <usize>strideOfA << 2, depth, rows, panelsOfA)
        for (let m = 0; m < rows; m += tileRows) {
          const height = min(tileRows, rows - m)
          const panelOfA = panelsOfA + (<usize>(m * depth) << 2)
          let step = 8
          for (let n = 0; n < columns; n += step) {
            // A wide tile takes two panels.
            if (WIDE) step = n + 8 < columns ? 16 : 8
            const panel = panelsOfB + (<usize>(n * depth) << 2)
            const width = min(step, columns - n)
            const at = c + (<usize>((m0 + m) * strideOfC + n0 + n) << 2)
            const whole = height === tileRows && width === step
            const stride = <usize>strideOfC << 2
            let from = biasRow + (<usize>(n0 + n) << 2)
            let fromStride: usize = 0
            if (k0 > 0) {
              if (!whole) copyTile(at, stride, tile, tileStride, height, width)
              from = whole ? at : tile
              fromStride = whole ? stride : tileStride
            }
            const to = whole ? at : tile
            const toStride: usize = whole ? stride : tileStride
            if (WIDE && step === 16) wideTallTile(panelOfA, panel, <usize>depth << 5, depth, from, fromStride, to, toStride)
            else if (tileRows === 6) tallTile(panelOfA, panel, depth, from, fromStride, to, toStride)
            else tileOfColumns(panelOfA, 16, panel, 32, depth, from, fromStride, to, toStride)
            if (!whole) copyTile(tile, tileStride, at, stride, height, width)
          }
        }
      }
    }
  }
}

/** c [M,N] = a bᵀ + bias where one side has few rows: each row of the long side is read from memory once. */
function dotProducts(a: usize, b: usize, bias: usize, c: usize, M: i32, N: i32, K: i32, strideOfC: i32): void {
  const row = <usize>K << 2
  const isWide = M < N
  const few = isWide ? a : b
  const many = isWide ? b : a
  const inner = min(M, N)
  const outer = max(M, N)
  // Bytes from output to output along either side.
  const outerStep = isWide ? 4 : <usize>strideOfC << 2
  const innerStep = isWide ? <usize>strideOfC << 2 : 4
  const outerBias: usize = isWide ? 4 : 0
  const innerBias: usize = isWide ? 0 : 4
  const quarter = outer / streams
  for (let i = 0; i < quarter; i++) {
    for (let j = 0; j < inner; j++) {
      const sums = distantDots(few + <usize>j * row, many + <usize>i * row, <usize>quarter * row, K)
      const b = bias ? bias + <usize>i * outerBias + <usize>j * innerBias : 0
      storeDistant(sums, b, c + <usize>i * outerStep + <usize>j * innerStep, <usize>quarter * outerBias, <usize>quarter * outerStep)
    }
  }
  for (let i = streams * quarter; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      const sum = dot(few + <usize>j * row, many + <usize>i * row, K)
      const offset: f32 = bias ? load<f32>(bias + <usize>i * outerBias + <usize>j * innerBias) : 0
      store<f32>(c + <usize>i * outerStep + <usize>j * innerStep, sum + offset)
    }
  }
}

function copyTile(from: usize, fromStride: usize, to: usize, toStride: usize, height: i32, width: i32): void {
  for (let i = 0; i < height; i++) {
    for (let j: usize = 0; j < <usize>width << 2; j += 4) store<f32>(to + j, load<f32>(from + j))
    from += fromStride
    to += toStride
  }
}
