/**
 * silu(x Gᵀ + bias) * (x Uᵀ + bias), the gated feed-forward of a prompt, with products in bytes (byte-product.ts). The results of both products
 * stay in the L1 cache until they are combined.
 */
import { swiglu } from './activations'
import { block } from './byte-block'
import { bytePanelBytes, bytesOfRow, panelHead, rowsAtOnce, startTile, storeStart, tileBytes, unitsOfRow } from './byte-product'
import { byteTiles, rowsOfTile, tall, width } from './byte-tile'

/** Of a row of a tile. */
const tileStep: usize = 4 * width
/** Rows of a block of gates: those of x that stay in the L1 cache, and what the last tile hangs over. */
const mostRows = 64 + tall

/** Bytes of scratch that byteGated needs. */
export function byteGatedScratch(): i32 {
  return <i32>(tileStep * (mostRows + 1) + tileBytes)
}

/** Arguments as byteMatMul's: gate and up are panels of as many rows. */
export function byteGated(
  bytes: usize, units: usize, gate: usize, up: usize, gateBias: usize, upBias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, minima: i32, strideOfY: i32, way: i32,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable()
  const blocks = inputs / block
  const gates = scratch
  const tile = gates + tileStep * mostRows
  const start = tile + tileBytes
  const panelStep = <usize>bytePanelBytes(inputs)
  const high = rowsOfTile(way)
  const stride = <usize>strideOfY << 2
  const most = rowsAtOnce(inputs)
  for (let first = 0; first < rows; first += most) {
    const end = min(rows, first + most)
    let factors = panelHead
    for (let n = 0; n < outputs; n += width) {
      const count = min(width, outputs - n)
      const panel = factors + <usize>(width * 8 * blocks)
      storeStart(start, gateBias, n, count)
      for (let t = first; t < end; t += high) {
        const to = gates + <usize>(t - first) * tileStep
        startTile(start, to, tileStep, high)
        byteTiles(bytesOfRow(bytes, t, inputs), gate + panel, gate + factors, blocks, unitsOfRow(units, t, inputs), to, tileStep, way, minima != 0)
      }
      storeStart(start, upBias, n, count)
      for (let t = first; t < end; t += high) {
        startTile(start, tile, tileStep, high)
        byteTiles(bytesOfRow(bytes, t, inputs), up + panel, up + factors, blocks, unitsOfRow(units, t, inputs), tile, tileStep, way, minima != 0)
        for (let i = 0; i < min(high, end - t); i++) {
          swiglu(gates + <usize>(t - first + i) * tileStep, tile + <usize>i * tileStep, y + <usize>(t + i) * stride + (<usize>n << 2), count)
        }
      }
      factors += panelStep
    }
  }
}
