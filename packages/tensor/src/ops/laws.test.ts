/** Algebraic laws that hold for all sizes, checked on wasm without a reference. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, init } from '../engine/init.ts'
import { dispose, scope, withoutLeaks } from '../engine/scope.ts'
import type { Tensor } from '../engine/tensor.ts'
import { randomTensor } from '../testing/random.ts'
import { attention } from './attention/index.ts'
import { tensor } from './create/index.ts'
import { multiply, subtract, sum } from './elementwise/index.ts'
import { gatherRows } from './gather-rows/index.ts'
import { matMul } from './matmul/index.ts'
import { scatterRows } from './scatter-rows/index.ts'
import { concat, slice, transpose } from './shape/index.ts'

beforeAll(async () => {
  await init({ device: 'wasm' })
})
afterAll(close)

const random = (shape: number[], seed: number): Tensor => {
  const { data } = randomTensor(shape, seed)
  return tensor(data, shape)
}

/** The scalars that `f` returns; everything else is freed. */
async function numbers(f: () => Tensor[]): Promise<number[]> {
  return withoutLeaks('a law', async () => {
    const found = scope(f)
    const read = await Promise.all(found.map(async (t) => (await t.data())[0]!))
    dispose(...found)
    return read
  })
}

const size = fc.integer({ min: 1, max: 40 })
const seed = fc.integer({ min: 1, max: 1000 })
const check = <T>(property: fc.IAsyncProperty<T>) => fc.assert(property, { numRuns: 40 })

describe('laws', () => {
  it('(a b)ᵀ = bᵀ aᵀ, for every combination of transpose flags', async () => {
    const law = fc.asyncProperty(size, size, size, seed, async (M, K, N, seed) => {
      const [difference] = await numbers(() => {
        const [a, b] = [random([M, K], seed), random([K, N], seed + 1)]
        const other = matMul(b, a, { transposeA: true, transposeB: true })
        const error = subtract(transpose(matMul(a, b)), other)
        return [sum(multiply(error, error))]
      })
      expect(difference).toBeLessThan(1e-8 * M * N * K)
    })
    await check(law)
  })

  it('gather and scatter are adjoint: <gather(x), y> = <x, scatter(y)>', async () => {
    const ids = fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 30 })
    const law = fc.asyncProperty(ids, size, seed, async (ids, D, seed) => {
      const index = Int32Array.from(ids)
      const [left, right] = (await numbers(() => {
        const [x, y] = [random([7, D], seed), random([ids.length, D], seed + 1)]
        return [sum(multiply(gatherRows(x, index), y)), sum(multiply(x, scatterRows(y, index, 7)))]
      })) as [number, number]
      expect(Math.abs(left - right)).toBeLessThan(1e-3)
    })
    await check(law)
  })

  it('attention over packed samples equals attention over each sample alone', async () => {
    const segment = fc.record({ queries: fc.integer({ min: 0, max: 12 }), keys: fc.integer({ min: 0, max: 20 }) })
    const law = fc.asyncProperty(
      fc.array(segment, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      seed,
      async (segments, causal, seed) => {
        const boundaries = (extents: number[]) =>
          Int32Array.from([0, ...extents.map((_, i) => extents.slice(0, i + 1).reduce((a, b) => a + b, 0))])
        const [cuQ, cuK] = [boundaries(segments.map((s) => s.queries)), boundaries(segments.map((s) => s.keys))]
        const [E, H, K] = [8, 4, 2]
        const [difference] = await numbers(() => {
          const [q, k, v] = [
            random([cuQ.at(-1)!, H, E], seed),
            random([cuK.at(-1)!, K, E], seed + 1),
            random([cuK.at(-1)!, K, E], seed + 2),
          ]
          const apart = segments.map(({ queries, keys }, s) => {
            const [qs, ks, vs] = [
              slice(q, [cuQ[s]!, 0, 0], [queries, H, E]),
              ...[k, v].map((t) => slice(t, [cuK[s]!, 0, 0], [keys, K, E])),
            ]
            return attention(qs, ks!, vs!, { cuQ: Int32Array.of(0, queries), cuK: Int32Array.of(0, keys), causal })
          })
          const error = subtract(attention(q, k, v, { cuQ, cuK, causal }), concat(apart, 0))
          return [sum(multiply(error, error))]
        })
        expect(difference).toBeLessThan(1e-9)
      },
    )
    await check(law)
  })
})
