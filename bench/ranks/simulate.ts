/**
 * Training on many ranks, on paper: time of an update and memory of a rank, from measured speeds. Prints the tables of docs/scaling.md.
 *
 *     npx tsx --conditions=@casa-js/source bench/ranks/simulate.ts
 *
 * P trained values, R ranks, m micro-batches of a rank, c seconds of a micro-batch (a third forward, two thirds backward), B bytes a second of
 * a rank's link in each direction, C bytes a second of the copies on the host:
 *
 *   sums      4 P (R - 1) / R / B    every rank passes on what is not its own; hidden behind the last backward pass but for the last bucket
 *   weights   4 P (R - 1) / R / B    every rank sends its range to the others; not hidden
 *   copies    16 P / C               gradients out of the device, its range in and out, the other ranges in
 *   update    m c + max(sums - 2 c / 3, bucket / B) + weights + copies
 */

/** Of a training step on one core: docs/benchmarks/peers.md, the reference decoder's AdamW step, wasm. */
const CORE_FLOPS = 50e9
/** What an M-class or desktop GPU might sustain in a training step through WebGPU. Assumed, not measured. */
const GPU_FLOPS = 3e12
/** Copies between the wasm heap and the vector, one thread. Measured with this script's neighbour: see docs/scaling.md. */
const COPY_BYTES = 1.5e9
/** Of what a link is sold as, after headers. */
const LINK_SHARE = 0.94
const BUCKET_BYTES = 4 * 2 ** 20

interface Model {
  name: string
  /** All values, and those that train. */
  values: number
  trained: number
}

interface Cluster {
  name: string
  ranks: number
  /** Bits a second of each rank's share of its machine's link. */
  bits: number
  flops: number
}

export interface Update {
  computeS: number
  /** Beyond the backward pass. */
  sumsS: number
  weightsS: number
  copiesS: number
  totalS: number
  /** Of the time, for computing. */
  efficiency: number
}

/** Time of an update in which every rank works through `tokens` tokens in `microBatches` micro-batches. */
export function updateOf({ values, trained }: Model, cluster: Cluster, tokens: number, microBatches: number): Update {
  const { ranks, bits, flops } = cluster
  const link = (bits * LINK_SHARE) / 8
  // Two operations forward and four backward for each value; frozen ones need no gradient of their own.
  const computeS = (tokens * (4 * values + 2 * trained)) / flops
  const transferS = (4 * trained * (ranks - 1)) / ranks / link
  const hiddenS = ((2 / 3) * computeS) / microBatches
  const sumsS = ranks === 1 ? 0 : Math.max(transferS - hiddenS, Math.min(BUCKET_BYTES, 4 * trained) / link)
  const copiesS = ranks === 1 ? 0 : (16 * trained) / COPY_BYTES
  const totalS = computeS + sumsS + transferS + copiesS
  return { computeS, sumsS, weightsS: transferS, copiesS, totalS, efficiency: computeS / totalS }
}

/** Bytes of a rank that do not depend on the batch: weights, gradients (at most), moments, the vector that is exchanged. */
export function bytesOf(
  { values, trained }: Model,
  ranks: number,
): Record<'weights' | 'gradients' | 'moments' | 'vector', number> {
  return { weights: 4 * values, gradients: 4 * trained, moments: (8 * trained) / ranks, vector: ranks === 1 ? 0 : 4 * trained }
}

const MODELS: Model[] = [
  { name: 'reader', values: 6.1e6, trained: 6.1e6 },
  { name: 'SmolLM2-135M with CASA', values: 162e6, trained: 162e6 },
  { name: 'Helium-1-2B, CASA layers alone', values: 2.35e9, trained: 0.35e9 },
  { name: 'Helium-1-2B, all of it', values: 2.35e9, trained: 2.1e9 },
]
const GIGABIT = 1e9
const NETWORKS = [1, 10, 100]

function print(): void {
  const cell = (seconds: number) => (seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(0))
  for (const [device, flops, tokens] of [
    ['a core each (wasm)', CORE_FLOPS, 2048],
    ['a GPU each (WebGPU, assumed)', GPU_FLOPS, 16_384],
  ] as const) {
    console.log(`\n64 ranks, ${device}, ${tokens} tokens of a rank in an update, one micro-batch:\n`)
    console.log('| model | link | compute s | sums s | weights s | copies s | update s | efficiency | over one rank |')
    console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
    for (const model of MODELS) {
      for (const gigabits of NETWORKS) {
        const cluster = { name: device, ranks: 64, bits: gigabits * GIGABIT, flops }
        const u = updateOf(model, cluster, tokens, 1)
        const row = [model.name, `${gigabits} Gbit/s`, ...[u.computeS, u.sumsS, u.weightsS, u.copiesS, u.totalS].map(cell)]
        console.log(`| ${row.join(' | ')} | ${Math.round(100 * u.efficiency)} % | ${Math.round(64 * u.efficiency)} x |`)
      }
    }
  }
  console.log('\nMemory of a rank, GB, without activations:\n')
  console.log('| model | ranks | weights | gradients | moments | vector | together |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
  for (const model of MODELS) {
    for (const ranks of [1, 8, 64]) {
      const bytes = Object.values(bytesOf(model, ranks))
      const all = [...bytes, bytes.reduce((a, b) => a + b)].map((value) => (value / 1e9).toFixed(2))
      console.log(`| ${model.name} | ${ranks} | ${all.join(' | ')} |`)
    }
  }
}

if (process.argv[1]?.endsWith('simulate.ts')) print()
