/** The range of each rank, and an optimiser sharded by it. */
import { dispose, init, tensor } from '@casa-js/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromScratch, groupWeights } from '../groups.ts'
import { Adamw } from '../optimizer.ts'
import { offsetsOf, partsOf, rangeOf } from './parts.ts'

const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 })
const ranks = fc.integer({ min: 1, max: 9 })

describe('parts', () => {
  it('give every value of every weight to one rank, in order, and no rank more than one value over its share', () => {
    fc.assert(
      fc.property(sizes, ranks, (of, count) => {
        const total = offsetsOf(of).at(-1)!
        const owned = Array.from({ length: count }, (_, rank) => partsOf(of, rangeOf(total, rank, count)))
        const values = owned
          .flat()
          .flatMap(({ weight, begin, end }) => Array.from({ length: end - begin }, (_, i) => `${weight}.${begin + i}`))
        expect(values).toEqual(of.flatMap((size, weight) => Array.from({ length: size }, (_, i) => `${weight}.${i}`)))
        for (const parts of owned) {
          const share = parts.reduce((sum, { begin, end }) => sum + end - begin, 0)
          expect(Math.abs(share - total / count)).toBeLessThan(1)
        }
      }),
    )
  })
})

describe.each(['cpu', 'wasm'] as const)('a sharded optimiser on %s', (device) => {
  beforeAll(async () => void (await init({ device })))

  it('makes the same update, bit for bit, whatever the number of ranks', async () => {
    const shapes = [[7, 5], [3], [4, 4, 2], [1]]
    const sizesOf = shapes.map((shape) => shape.reduce((a, b) => a * b))
    const values = (size: number, seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(seed * 31 + i * 1.7))
    const updated = async (count: number) => {
      const params = Object.fromEntries(shapes.map((shape, i) => [`w${i}`, tensor(values(sizesOf[i]!, i), shape)]))
      const weights = groupWeights(params, fromScratch(0.01))
      for (let rank = 0; rank < count; rank++) {
        const parts = partsOf(sizesOf, rangeOf(offsetsOf(sizesOf).at(-1)!, rank, count))
        const optimizer = new Adamw(weights, {}, parts)
        for (let step = 0; step < 3; step++) {
          const gradients = parts.map(({ weight, begin, end }, i) =>
            tensor(values(sizesOf[weight]!, weight + 10 * step).slice(begin, end), optimizer.state.first[i]!.shape),
          )
          optimizer.update(gradients, { step, factor: 1, gradientScale: 0.5 })
          dispose(...gradients)
        }
        optimizer.dispose()
      }
      const result = await Promise.all(Object.values(params).map((t) => t.data()))
      dispose(...Object.values(params))
      return result
    }
    const whole = await updated(1)
    for (const count of [2, 3, 5]) expect(await updated(count)).toEqual(whole)
  })
})
