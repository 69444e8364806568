/** GGUF's blocks of random weights. */
import { floatToHalf, multipliedBlocks, type BlockType } from '@casa-js/base/internal'
import { randomValues } from './random.ts'

export const blockTypes = Object.keys(multipliedBlocks) as BlockType[]

/** Weights of about `size`. Only where a block has scales and minima does it matter which bytes it holds. */
export function randomBlocks(type: BlockType, [outputs, inputs]: [number, number], seed: number, size = 1): Uint8Array {
  const { values, bytes } = multipliedBlocks[type]
  const count = (outputs * inputs) / values
  const random = randomValues(count * bytes, seed)
  const blocks = Uint8Array.from(random, (x) => Math.floor(Math.abs(x) * 1e6) & 255)
  const view = new DataView(blocks.buffer)
  // K blocks have scales of up to 127 besides.
  const spread = (type === 'Q4_1' ? 20 : 2000) / size
  for (let b = 0; b < count; b++) {
    for (const at of multipliedBlocks[type].halvesAt)
      view.setUint16(b * bytes + at, floatToHalf(random[b * bytes + at]! / spread), true)
  }
  return blocks
}
