import type { CpuKernel } from '../../engine/cpu.ts'
import { halfToFloat } from '@casa-js/base/internal'
import type { DecompressRowsAttributes, DecompressRowsInputs } from './attributes.ts'

export const decompressRowsCpu: CpuKernel<DecompressRowsInputs, DecompressRowsAttributes> = (
  { compressed, scales },
  { ids, width, format, group },
) => {
  const out = new Float32Array(ids.length * width)
  const asBits = new Int32Array(out.buffer)
  const halfAt = (words: ArrayLike<number>, at: number) => (words[at >> 1]! >>> (16 * (at & 1))) & 0xffff
  const bits = format === 'q8' ? 8 : 4
  const wordsPerRow = Math.ceil((width * bits) / 32)
  const groups = Math.ceil(width / group)
  ids.forEach((id, t) => {
    for (let d = 0; id >= 0 && d < width; d++) {
      const to = t * width + d
      if (format === 'bf16') asBits[to] = halfAt(compressed.data, id * width + d) << 16
      else if (format === 'f16') out[to] = halfToFloat(halfAt(compressed.data, id * width + d))
      else {
        const word = compressed.data[id * wordsPerRow + Math.floor((d * bits) / 32)]
        const q = (word! << (32 - bits - ((d * bits) % 32))) >> (32 - bits)
        out[to] = q * halfToFloat(halfAt(scales!.data, id * groups + Math.floor(d / group)))
      }
    }
  })
  return [{ data: out, shape: [ids.length, width] }]
}
