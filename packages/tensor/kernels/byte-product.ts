/**
 * Products of many rows with a weight W [outputs, inputs] in 4 bits (int4, Q4_1, Q4_K), in integers: the main cost of a prompt. For the
 * build with relaxed SIMD, whose dot products of bytes do four to eight times as much per instruction as float32.
 *
 * Each 32 columns of a row of x become bytes, x = unit * b with |b| <= 127, and the weight's are w = scale * q + least with q in 0 .. 15. So
 *
 *   y[t,o] = bias[o] + sum over blocks of 32:  unit * scale * (b . q)  +  (unit * sum of b) * least
 *
 * b . q is exact: a pair of products is at most 3,810, and a lane's share of a block at most 30,480, which 16 bits hold. No relaxed
 * instruction is used where machines may differ: q never has its upper bit set, and nothing saturates. Rounding x to bytes moves a result by
 * some 0.5 % of its size.
 *
 * W is unpacked first, to panels [inputs / 4][16][4] of the bytes of 16 rows, and their scales: no output needs a sum across lanes.
 */
import { Q4_1 } from './blocks'
import {
  block, bytesOf, constantBytes, largestOfBlock, onesAt, rounderAt, sizeMaskAt, storeConstants, sumOfBytes,
} from './byte-block'
import { byteTiles, rowsOfTile, tall, unitBytes, width } from './byte-tile'
import { finiteHalfAt } from './halves'
import { transposeFour } from './pack'
import { leastOfQ4K, scaleOfQ4K } from './widen-blocks'

/** That many rows of 16 results. */
export const tileBytes: usize = tall * width * 4
/** Constants for the tiles precede the factors of a panel. */
export const panelHead: usize = 64
/** Of x, what a block of rows may take of the L1 cache. */
const rowsBytes = 24 << 10

/** Bytes of a panel: of each block 16 scales and 16 minima, then the bytes of 16 rows of W. */
export function bytePanelBytes(inputs: i32): i32 {
  return <i32>panelHead + width * 8 * (inputs / block) + width * inputs
}

/** Bytes of scratch that bytePanels needs: 16 rows of W before they are transposed. byteMatMul needs less. */
export function bytePanelScratch(inputs: i32): i32 {
  return width * inputs
}

/** Bytes of scratch that byteMatMul needs. */
export function byteMatMulScratch(): i32 {
  return <i32>tileBytes + width * 4
}

/** Bytes that roundRows writes, and byteMatMul reads, for so many rows: whole tiles of them. */
export function roundedBytes(rows: i32, inputs: i32): i32 {
  return ((rows + tall - 1) & -tall) * (inputs + <i32>unitBytes * (inputs / block))
}

/** Where the units of rows begin, after their bytes. */
export function roundedUnits(rows: i32, inputs: i32): i32 {
  return ((rows + tall - 1) & -tall) * inputs
}

/**
 * x [rows, inputs] as bytes, and their units: of each `tall` rows, from a multiple of that on, bytes [inputs / 4][tall][4] and units
 * [blocks][3][tall], as a tile reads them. `minima`: the weights have a least value per block (blocks), and no offset (int4). Scratch takes a few
 * constants.
 */
export function roundRows(x: usize, bytes: usize, units: usize, scratch: usize, rows: i32, inputs: i32, minima: i32): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable()
  const end = scratch + constantBytes
  storeConstants(end)
  for (let t = 0; t < rows; t++) {
    toBytes(x + (<usize>(t * inputs) << 2), bytesOfRow(bytes, t, inputs), unitsOfRow(units, t, inputs), inputs, minima ? 0 : -8, end)
  }
}

// @ts-ignore: decorator
@inline
export function bytesOfRow(bytes: usize, t: i32, inputs: i32): usize {
  return bytes + <usize>((t & -tall) * inputs) + (<usize>(t & (tall - 1)) << 2)
}

// @ts-ignore: decorator
@inline
export function unitsOfRow(units: usize, t: i32, inputs: i32): usize {
  return units + <usize>((t & -tall) * (inputs / block)) * unitBytes + (<usize>(t & (tall - 1)) << 2)
}

/**
 * W [outputs, inputs] as panels of 16 rows, one after the other; rows that the last one lacks are zeros. `inputs` is a multiple of 32.
 * `group`: columns that share a scale of int4, a multiple of 32; 0 means blocks of the given `format`.
 */
export function bytePanels(values: usize, scales: usize, panels: usize, scratch: usize, inputs: i32, outputs: i32, format: i32, group: i32): void {
  const blocks = inputs / block
  const rowBytes = <usize>(group > 0 ? inputs / 2 : format == Q4_1 ? blocks * 20 : (inputs / 256) * 144)
  const scaleBytes = group > 0 ? <usize>((inputs + group - 1) / group) << 1 : 0
  for (let n = 0; n < outputs; n += width) {
    const factors = panels + panelHead
    const panel = factors + <usize>(width * 8 * blocks)
    const count = min(width, outputs - n)
    storeConstants(factors)
    if (count < width) {
      memory.fill(scratch, 0, <usize>(width * inputs))
      memory.fill(factors, 0, <usize>(width * 8 * blocks))
    }
    for (let o = 0; o < count; o++) {
      const row = values + <usize>(n + o) * rowBytes
      const to = scratch + <usize>(o * inputs)
      const factor = factors + (<usize>o << 2)
      if (group > 0) unpackInt4(row, scales + <usize>(n + o) * scaleBytes, to, factor, blocks, group)
      else if (format == Q4_1) unpackQ41(row, to, factor, blocks)
      else unpackQ4K(row, to, factor, blocks)
    }
    // Four bytes are moved like a float.
    for (let o = 0; o < width; o += 4) {
      transposeFour<f32>(scratch + <usize>(o * inputs), <usize>inputs, inputs / 4, panel + (<usize>o << 2), 4 * width)
    }
    panels += <usize>bytePanelBytes(inputs)
  }
}

/**
 * y [rows, outputs] = x Wᵀ + bias (if given), with x as roundRows wrote it and W as bytePanels did. `strideOfY`: floats from row to row of y,
 * of which a part of the columns may be given. `minima`: W has a least value per block (blocks), and no offset (int4).
 * `way`: 0 sums pairs of products and then pairs of pairs, 1 four products per lane with one instruction, 2 the same in a taller tile (in
 * vectors of 256 bits). Which is fastest depends on the machine; the results are the same.
 *
 * A block of rows of x stays in the L1 cache while all panels pass, so that y is written in order.
 */
export function byteMatMul(
  bytes: usize, units: usize, panels: usize, bias: usize, y: usize, scratch: usize,
  rows: i32, inputs: i32, outputs: i32, minima: i32, strideOfY: i32, way: i32,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) unreachable()
  const blocks = inputs / block
  const tile = scratch
  // The bias of a panel, or zeros.
  const start = tile + tileBytes
  const panelStep = <usize>bytePanelBytes(inputs)
  const high = rowsOfTile(way)
  const stride = <usize>strideOfY << 2
  const most = rowsAtOnce(inputs)
  for (let first = 0; first < rows; first += most) {
    const end = min(rows, first + most)
    let factors = panels + panelHead
    for (let n = 0; n < outputs; n += width) {
      const count = min(width, outputs - n)
      storeStart(start, bias, n, count)
      const panel = factors + <usize>(width * 8 * blocks)
      let to = y + <usize>first * stride + (<usize>n << 2)
      for (let t = first; t < end; t += high) {
        // A tile that hangs over the edge is computed apart; its rows beyond the last one are dropped.
        const whole = count == width && t + high <= end
        const at = whole ? to : tile
        const step: usize = whole ? stride : width << 2
        startTile(start, at, step, high)
        byteTiles(bytesOfRow(bytes, t, inputs), panel, factors, blocks, unitsOfRow(units, t, inputs), at, step, way, minima != 0)
        if (!whole) {
          for (let i = 0; i < min(high, end - t); i++) copyFloats(tile + <usize>i * (width << 2), to + <usize>i * stride, count)
        }
        to += <usize>high * stride
      }
      factors += panelStep
    }
  }
}

/** Rows of x that stay in the L1 cache while panels pass: whole tiles, at most 64. */
// @ts-ignore: decorator
@inline
export function rowsAtOnce(inputs: i32): i32 {
  return max(tall, min(64, (rowsBytes / (inputs + <i32>unitBytes * (inputs / block))) & -tall))
}

/** With what the results of a panel begin: `count` biases from n on, or zeros. */
export function storeStart(start: usize, bias: usize, n: i32, count: i32): void {
  for (let o = 0; o < width; o++) store<f32>(start + (<usize>o << 2), bias && o < count ? load<f32>(bias + (<usize>(n + o) << 2)) : 0)
}

/** Rows of y begin as `start`. Read by the tile itself, it would cost that more registers than there are. */
// @ts-ignore: decorator
@inline
export function startTile(start: usize, y: usize, step: usize, high: i32): void {
  const s0 = v128.load(start), s1 = v128.load(start, 16), s2 = v128.load(start, 32), s3 = v128.load(start, 48)
  for (let i = 0; i < high; i++) {
    v128.store(y, s0)
    v128.store(y, s1, 16)
    v128.store(y, s2, 32)
    v128.store(y, s3, 48)
    y += step
  }
}

/** memory.copy is a call out of the module, which costs more than these few. */
// @ts-ignore: decorator
@inline
function copyFloats(from: usize, to: usize, count: i32): void {
  for (let at: usize = 0; at < <usize>count << 2; at += 4) store<f32>(to + at, load<f32>(from + at))
}

/** A row of x as bytes, and of each block its unit, `offset` times the sum of its bytes, and the unit times that sum. */
function toBytes(x: usize, bytes: usize, units: usize, inputs: i32, offset: i32, constants: usize): void {
  const ones = onesAt(constants), sizeMask = sizeMaskAt(constants), rounder = rounderAt(constants)
  for (let begin = 0; begin < inputs; begin += block) {
    const top = largestOfBlock(x, sizeMask)
    const unit = top / 127
    const perUnit = f32x4.splat(top > 0 ? 127 / top : 0)
    const first = bytesOf(x, perUnit, rounder), second = bytesOf(x + 64, perUnit, rounder)
    const sum = sumOfBytes(first, second, ones)
    storeApart(first, bytes)
    storeApart(second, bytes + 16 * tall)
    store<f32>(units, unit)
    store<i32>(units, offset * sum, 4 * tall)
    store<f32>(units, unit * <f32>sum, 8 * tall)
    x += 128
    bytes += 32 * tall
    units += unitBytes * tall
  }
}

/** Four bytes, and after those of the other rows four more. */
// @ts-ignore: decorator
@inline
function storeApart(bytes: v128, to: usize): void {
  v128.store32_lane(to, bytes, 0)
  v128.store32_lane(to + 4 * tall, bytes, 1)
  v128.store32_lane(to + 8 * tall, bytes, 2)
  v128.store32_lane(to + 12 * tall, bytes, 3)
}

/** Nibbles -8 .. 7, the first of a byte in its lower half, as 0 .. 15. */
function unpackInt4(row: usize, scales: usize, to: usize, factors: usize, blocks: i32, group: i32): void {
  let taken = 0
  for (let b = 0; b < blocks; b++) {
    const word = v128.xor(v128.load(row), i8x16.splat(<i8>0x88))
    const low = v128.and(word, i8x16.splat(15)), high = i8x16.shr_u(word, 4)
    v128.store(to, v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23))
    v128.store(to, v128.shuffle<i8>(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16)
    store<f32>(factors, finiteHalfAt(scales))
    taken += block
    if (taken == group) {
      taken = 0
      scales += 2
    }
    row += 16
    to += 32
    factors += 128
  }
}

function unpackQ41(row: usize, to: usize, factors: usize, blocks: i32): void {
  for (let b = 0; b < blocks; b++) {
    store<f32>(factors, finiteHalfAt(row))
    store<f32>(factors, finiteHalfAt(row + 2), 64)
    storeNibbles(row + 4, to)
    row += 20
    to += 32
    factors += 128
  }
}

function unpackQ4K(row: usize, to: usize, factors: usize, blocks: i32): void {
  for (let b = 0; b < blocks; b += 8) {
    for (let group = 0; group < 8; group++) {
      store<f32>(factors, scaleOfQ4K(row, group))
      store<f32>(factors, leastOfQ4K(row, group), 64)
      factors += 128
    }
    for (let pair: usize = 0; pair < 4; pair++) {
      const nibbles = row + 16 + (pair << 5)
      const first = v128.load(nibbles), second = v128.load(nibbles, 16)
      v128.store(to, v128.and(first, i8x16.splat(15)))
      v128.store(to, v128.and(second, i8x16.splat(15)), 16)
      v128.store(to, i8x16.shr_u(first, 4), 32)
      v128.store(to, i8x16.shr_u(second, 4), 48)
      to += 64
    }
    row += 144
  }
}

/** 16 low nibbles, then 16 high ones. */
// @ts-ignore: decorator
@inline
function storeNibbles(from: usize, to: usize): void {
  const bytes = v128.load(from)
  v128.store(to, v128.and(bytes, i8x16.splat(15)))
  v128.store(to, i8x16.shr_u(bytes, 4), 16)
}
