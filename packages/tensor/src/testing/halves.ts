/** 16-bit floats for tests and benches. */
import { floatToHalf, joinHalves } from '@casa-js/base/internal'

/** Floats as the words of a compressed weight: f16 rounded, bf16 cut off. */
export function halvesOf(values: Float32Array, format: 'bf16' | 'f16'): Int32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return joinHalves(Uint16Array.from(values, format === 'f16' ? floatToHalf : (_, i) => bits[i]! >>> 16))
}
