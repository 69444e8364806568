import type { OpBench } from '../../testing/op-bench.ts'
import { randomValues } from '../../testing/random.ts'
import { quantize } from '../quantized-linear/index.ts'
import { createCompressedQuantizedWeight, createCompressedWeight, decompressRows } from './index.ts'

const [N, T, D] = [8192, 512, 2048]
const ids = Int32Array.from({ length: T }, (_, t) => (t * 7919) % N)

const forms = [
  { name: 'bf16', bits: 16, weight: () => createCompressedWeight(new Int32Array((N * D) / 2).fill(0x3f803f80), [N, D], 'bf16') },
  { name: 'f16', bits: 16, weight: () => createCompressedWeight(new Int32Array((N * D) / 2).fill(0x3c003c00), [N, D], 'f16') },
  ...([8, 4] as const).map((bits) => ({
    name: `int${bits} by 32`,
    bits: bits + 0.5,
    weight: () => createCompressedQuantizedWeight(quantize(randomValues(N * D, 1), [N, D], { bits })),
  })),
]

/** The cost of embedding a prompt. The bench of gatherRows times copying rows out of a float table. */
export const benches: OpBench[] = forms.map(({ name, bits, weight }) => ({
  name: `decompressRows ${T} of ${N} x ${D}, ${name}`,
  bytes: T * D * (bits / 8 + 4),
  contestants() {
    const compressed = weight()
    return { casa: () => decompressRows(compressed, ids) }
  },
}))
