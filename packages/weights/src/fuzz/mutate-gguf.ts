/** Mutations of GGUF files: of its bytes anywhere, and of the counts, lengths, kinds and sizes in its header. */
import type { Random } from '@casa-js/core/random'
import { mutateAnywhere, replaced } from './mutate-bytes.ts'

const sizes = [0n, 1n, 2n, 31n, 255n, 4096n, 1n << 24n, 1n << 31n, 1n << 32n, 1n << 53n, (1n << 63n) + 1n, (1n << 64n) - 1n]
const kinds = [0, 1, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 255, 0x7fffffff]

/** One random change. Never touches the input. */
export function mutateGguf(bytes: Uint8Array, random: Random): Uint8Array {
  // Most of a file is tensors, and any bytes are valid there.
  const reach = random.chance(0.3) ? bytes.length : Math.min(bytes.length, random.pick([24, 200, 3000, 12_000]))
  const at = random.integer(0, Math.max(0, reach - 8))
  const number = new DataView(new ArrayBuffer(8))
  return random.pick([
    () => mutateAnywhere(bytes, random),
    () => {
      number.setBigUint64(0, random.pick(sizes), true)
      return replaced(bytes, at, 8, new Uint8Array(number.buffer))
    },
    () => {
      number.setUint32(0, random.pick(kinds), true)
      return replaced(bytes, at, 4, new Uint8Array(number.buffer, 0, 4))
    },
    () => replaced(bytes, at, random.integer(1, 40), []),
    () => replaced(bytes, at, 0, bytes.subarray(at, at + random.integer(1, 200))),
  ])()
}
