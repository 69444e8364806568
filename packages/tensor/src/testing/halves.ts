/** 16-bit floats for tests and benches. */
import { floatToHalf, packHalves } from '../ops/unpack/half.ts'

/** Floats as the words of a packed weight: f16 rounded, bf16 cut off. */
export function packFloats(values: Float32Array, format: 'bf16' | 'f16'): Int32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return packHalves(Array.from(values, format === 'f16' ? floatToHalf : (_, i) => bits[i]! >>> 16))
}
