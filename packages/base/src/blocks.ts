/**
 * Blocks of GGUF -> float32 values, bit-identical to dequantize of the Python package gguf (which rounds each step to float32).
 * Source: ggml-quants.c, dequantize_row_*.
 */
import { halfToFloat } from './half.ts'

type Decoder = (bytes: Uint8Array, begin: number, out: Float32Array, at: number) => void

const round = Math.fround

/** One block at `begin` -> its values at out[at ..]. */
const decoders: Record<string, Decoder> = {
  Q8_0(bytes, begin, out, at) {
    const d = half(bytes, begin)
    for (let i = 0; i < 32; i++) out[at + i] = d * int8(bytes[begin + 2 + i]!)
  },
  Q4_0(bytes, begin, out, at) {
    const d = half(bytes, begin)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[begin + 2 + i]!
      out[at + i] = d * ((pair & 15) - 8)
      out[at + 16 + i] = d * ((pair >> 4) - 8)
    }
  },
  Q4_1(bytes, begin, out, at) {
    const [d, m] = [half(bytes, begin), half(bytes, begin + 2)]
    for (let i = 0; i < 16; i++) {
      const pair = bytes[begin + 4 + i]!
      out[at + i] = round(d * (pair & 15)) + m
      out[at + 16 + i] = round(d * (pair >> 4)) + m
    }
  },
  Q5_0(bytes, begin, out, at) {
    const d = half(bytes, begin)
    const high = word(bytes, begin + 2)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[begin + 6 + i]!
      out[at + i] = d * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16)
      out[at + 16 + i] = d * (((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16)
    }
  },
  Q5_1(bytes, begin, out, at) {
    const [d, m] = [half(bytes, begin), half(bytes, begin + 2)]
    const high = word(bytes, begin + 4)
    for (let i = 0; i < 16; i++) {
      const pair = bytes[begin + 8 + i]!
      out[at + i] = round(d * ((pair & 15) | (((high >>> i) & 1) << 4))) + m
      out[at + 16 + i] = round(d * ((pair >> 4) | (((high >>> (i + 16)) & 1) << 4))) + m
    }
  },
  Q4_K(bytes, begin, out, at) {
    const [d, min] = [half(bytes, begin), half(bytes, begin + 2)]
    for (let group = 0; group < 8; group++) {
      const [scale, offset] = scaleAndMin(bytes, begin + 4, group)
      const [step, base] = [round(d * scale), round(min * offset)]
      const low = begin + 16 + 32 * (group >> 1)
      for (let i = 0; i < 32; i++) {
        const q = (bytes[low + i]! >> (4 * (group & 1))) & 15
        out[at + 32 * group + i] = round(step * q) - base
      }
    }
  },
  Q5_K(bytes, begin, out, at) {
    const [d, min] = [half(bytes, begin), half(bytes, begin + 2)]
    for (let group = 0; group < 8; group++) {
      const [scale, offset] = scaleAndMin(bytes, begin + 4, group)
      const [step, base] = [round(d * scale), round(min * offset)]
      const low = begin + 48 + 32 * (group >> 1)
      for (let i = 0; i < 32; i++) {
        const high = (bytes[begin + 16 + i]! >> group) & 1
        const q = ((bytes[low + i]! >> (4 * (group & 1))) & 15) | (high << 4)
        out[at + 32 * group + i] = round(step * q) - base
      }
    }
  },
  Q6_K(bytes, begin, out, at) {
    const d = half(bytes, begin + 208)
    for (let i = 0; i < 256; i++) {
      const half128 = i >> 7
      const quarter = (i >> 5) & 3
      const low = bytes[begin + 64 * half128 + 32 * (quarter & 1) + (i & 31)]!
      const high = bytes[begin + 128 + 32 * half128 + (i & 31)]!
      const q = (((low >> (4 * (quarter >> 1))) & 15) | (((high >> (2 * quarter)) & 3) << 4)) - 32
      out[at + i] = round(d * int8(bytes[begin + 192 + (i >> 4)]!)) * q
    }
  },
}

/** Types whose blocks the tensor package multiplies as they are (its ops/block-linear): the values and bytes of a block, and its halves. */
export const multipliedBlocks = {
  Q4_1: { values: 32, bytes: 20, halvesAt: [0, 2] },
  Q4_K: { values: 256, bytes: 144, halvesAt: [0, 2] },
  Q6_K: { values: 256, bytes: 210, halvesAt: [208] },
} as const

export type BlockType = keyof typeof multipliedBlocks

/** Whether every scale and minimum of these blocks is finite. */
export function areFiniteBlocks(blocks: Uint8Array, type: BlockType): boolean {
  const { bytes, halvesAt } = multipliedBlocks[type]
  for (const at of halvesAt) {
    // Infinities and NaN have all bits of the exponent set.
    for (let upper = at + 1; upper < blocks.byteLength; upper += bytes) if ((blocks[upper]! & 0x7c) === 0x7c) return false
  }
  return true
}

/** Names of the types with blocks that are decoded here. */
export const decodedTypes = Object.keys(decoders).join(', ')

/** Types with blocks that are decoded here. */
export function canDequantize(type: string): boolean {
  return Object.hasOwn(decoders, type)
}

/**
 * Whole blocks of one type.
 * @param type e.g. "Q4_K"; `canDequantize` says which
 * @param values in a block
 * @param blockBytes of a block
 */
export function dequantizeBlocks(bytes: Uint8Array, type: string, values: number, blockBytes: number): Float32Array {
  const decode = decoders[type]!
  const count = bytes.byteLength / blockBytes
  const out = new Float32Array(count * values)
  for (let block = 0; block < count; block++) decode(bytes, block * blockBytes, out, block * values)
  return out
}

/** Scale and minimum of one of the eight groups of a K block: 6 bits each, twelve bytes together. */
function scaleAndMin(bytes: Uint8Array, begin: number, group: number): [scale: number, min: number] {
  const at = begin + (group & 3)
  const [low, mid, top] = [bytes[at]!, bytes[at + 4]!, bytes[at + 8]!]
  return group < 4 ? [low & 63, mid & 63] : [(top & 15) | ((low >> 2) & 48), (top >> 4) | ((mid >> 2) & 48)]
}

function half(bytes: Uint8Array, at: number): number {
  return halfToFloat(bytes[at]! | (bytes[at + 1]! << 8))
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function int8(byte: number): number {
  return (byte << 24) >> 24
}
