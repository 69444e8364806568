/**
 * Products and attention on WebGPU, one line of JSON: milliseconds of each and what that is in operations a second.
 *
 *   npx tsx --conditions=@casa-js/source bench/gpu/products.node.ts [--only TEXT]
 */
import { parseArgs } from 'node:util'
import {
  attention,
  close,
  createCompressedQuantizedWeight,
  createCompressedWeight,
  dispose,
  init,
  linear,
  matMul,
  quantize,
  scope,
  tensor,
  type Tensor,
} from '@casa-js/tensor'
import { settled } from '../../apps/cli/src/bench/settled.ts'
import { halvesOf } from '../../packages/tensor/src/testing/halves.ts'
import { values } from '../peers/peer.ts'
import { attentions, nameOfAttention, products } from './shapes.ts'

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const { adapter, software, features } = await init({ device: 'webgpu', software: true })
/** Runs between two waits, so that waiting counts little. */
const inARow = software ? 1 : 10
const rows: { name: string; ms: number; teraflops: number }[] = []

const wanted = (name: string): boolean => name.includes(flags.only)

async function measure(name: string, operations: number, run: () => Tensor): Promise<void> {
  if (!wanted(name)) return
  const times: number[] = []
  // The first round compiles, and a GPU that was idle needs a while to run at its full rate.
  const warm = performance.now() + (software ? 0 : 300)
  while (times.length < 6 || performance.now() < warm) {
    const start = performance.now()
    for (let i = 1; i < inARow; i++) dispose(scope(run))
    const last = scope(run)
    await settled(last)
    times.push((performance.now() - start) / inARow)
    dispose(last)
  }
  const ms = times.slice(-5).toSorted((a, b) => a - b)[2]!
  rows.push({ name, ms, teraflops: operations / ms / 1e9 })
}

/** [outputs, inputs] */
function compressed(numbers: Float32Array, shape: [number, number], kind: 'bf16' | 'f16' | 'int8' | 'int4'): Tensor {
  if (kind === 'int8' || kind === 'int4')
    return createCompressedQuantizedWeight(quantize(numbers, shape, { bits: kind === 'int8' ? 8 : 4, group: 32 }))
  return createCompressedWeight(halvesOf(numbers, kind), shape, kind)
}

for (const [M, K, N] of products) {
  const size = `${M} x ${K} x ${N}`
  const names = ['float32', 'bf16', 'f16', 'int8', 'int4', 'float32 transposed'].map((kind) => `${kind} ${size}`)
  if (!names.some(wanted)) continue
  const operations = 2 * M * K * N
  const numbers = values(N * K, 2)
  const [x, w, gradient] = [tensor(values(M * K, 1), [M, K]), tensor(numbers, [N, K]), tensor(values(M * N, 3), [M, N])]
  await measure(`float32 ${size}`, operations, () => linear(x, w))
  await measure(`float32 transposed ${size}`, operations, () => matMul(gradient, x, { transposeA: true }))
  for (const kind of ['bf16', 'f16', 'int8', 'int4'] as const) {
    if (!wanted(`${kind} ${size}`)) continue
    const weight = compressed(numbers, [N, K], kind)
    await measure(`${kind} ${size}`, operations, () => linear(x, weight))
    dispose(weight)
  }
  dispose(x, w, gradient)
}
for (const size of attentions) {
  const { queries, keys, heads, kvHeads, headSize } = size
  const name = `attention ${nameOfAttention(size)}`
  if (!wanted(name)) continue
  const q = tensor(values(queries * heads * headSize, 1), [queries, heads, headSize])
  const [k, v] = [2, 3].map((seed) => tensor(values(keys * kvHeads * headSize, seed), [keys, kvHeads, headSize])) as [
    Tensor,
    Tensor,
  ]
  const [cuQ, cuK] = [Int32Array.of(0, queries), Int32Array.of(0, keys)]
  await measure(name, 4 * queries * keys * heads * headSize, () => attention(q, k, v, { cuQ, cuK, causal: false }))
  dispose(q, k, v)
}
console.log(JSON.stringify({ adapter, software, features, rows }))
await close()
