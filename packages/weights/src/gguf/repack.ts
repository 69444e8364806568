/**
 * GGUF blocks -> our matrices in 8 or 4 bits. Q8_0, Q5_0 and Q4_0 match our format, a symmetric f16 scale for each 32 columns:
 * the same values in another order. All others are decoded and quantised to 8 bits, which is lossy.
 */
import type { QuantizedForm, QuantizedRows } from '@casa-js/base/internal'

type Values = (bytes: Uint8Array, begin: number, q: Int8Array) => void

const exact: Record<string, { bits: 8 | 4; values: Values }> = {
  Q5_0: {
    bits: 8,
    values(bytes, begin, q) {
      for (let i = 0; i < 32; i++) {
        const high = (bytes[begin + 2 + (i >> 3)]! >> (i & 7)) & 1
        q[i] = (nibble(bytes, begin + 6, i) | (high << 4)) - 16
      }
    },
  },
  Q4_0: {
    bits: 4,
    values(bytes, begin, q) {
      for (let i = 0; i < 32; i++) q[i] = nibble(bytes, begin + 2, i) - 8
    },
  },
}

/** How a type is held in memory when it is not decoded to floats; `isExact`: without any error. */
export function repackedForm(type: string): QuantizedForm & { isExact: boolean } {
  const form = Object.hasOwn(exact, type) ? exact[type] : undefined
  return { bits: form?.bits ?? 8, group: 32, isExact: form !== undefined || type === 'Q8_0' }
}

/** Rows of whole blocks of a type that `repackedForm` calls exact. */
export function repackBlocks(bytes: Uint8Array, type: string, blockBytes: number): QuantizedRows {
  if (type === 'Q8_0') return split(bytes, blockBytes)
  const { bits, values: unpack } = exact[type]!
  const blocks = bytes.byteLength / blockBytes
  const words = new Int32Array((blocks * 32) / (32 / bits))
  const scales = new Uint16Array(blocks)
  const q = new Int8Array(32)
  const [perWord, mask] = [32 / bits, 2 ** bits - 1]
  for (let block = 0; block < blocks; block++) {
    const begin = block * blockBytes
    scales[block] = bytes[begin]! | (bytes[begin + 1]! << 8)
    unpack(bytes, begin, q)
    const first = (block * 32) / perWord
    for (let i = 0; i < 32; i++) words[first + Math.floor(i / perWord)]! |= (q[i]! & mask) << (bits * (i % perWord))
  }
  return { values: words, scales }
}

/** Q8_0: scales apart from bytes, which are our values as they are. */
function split(bytes: Uint8Array, blockBytes: number): QuantizedRows {
  const blocks = bytes.byteLength / blockBytes
  const words = new Int32Array(blocks * 8)
  const q = new Uint8Array(words.buffer)
  const scales = new Uint16Array(blocks)
  for (let block = 0, begin = 0; block < blocks; block++, begin += blockBytes) {
    scales[block] = bytes[begin]! | (bytes[begin + 1]! << 8)
    for (let i = 0; i < 32; i++) q[32 * block + i] = bytes[begin + 2 + i]!
  }
  return { values: words, scales }
}

/** Value i of 32 that lie in 16 bytes: the first sixteen in the low halves. */
function nibble(bytes: Uint8Array, begin: number, i: number): number {
  return i < 16 ? bytes[begin + i]! & 15 : bytes[begin + i - 16]! >> 4
}
