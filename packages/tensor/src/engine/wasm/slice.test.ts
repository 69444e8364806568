import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { tensor } from '../../ops/create/index.ts'
import { slice } from '../../ops/shape/index.ts'
import { init } from '../init.ts'
import { dispose, withoutLeaks } from '../scope.ts'
import { sizeOf } from '../tensor.ts'

/** An axis with a part of it. */
const cut = fc
  .tuple(fc.nat(5), fc.nat(5), fc.nat(5))
  .map(([before, size, after]) => ({ extent: before + size + after, begin: before, size }))

/** Values whose index lies in the block, in order. */
function expected(values: ArrayLike<number>, cuts: { extent: number; begin: number; size: number }[]): number[] {
  return Array.from(values).filter((_, index) => {
    let rest = index
    return cuts
      .toReversed()
      .map(({ extent, begin, size }) => {
        const at = rest % extent
        rest = Math.floor(rest / extent)
        return at >= begin && at < begin + size
      })
      .every(Boolean)
  })
}

describe('slice on wasm', () => {
  beforeAll(() => init({ device: 'wasm' }))

  it('takes any block of tensors of any rank, of floats and of integers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), fc.boolean(), (cuts, floats) =>
        withoutLeaks('slice', async () => {
          const shape = cuts.map(({ extent }) => extent)
          const values = Int32Array.from({ length: sizeOf(shape) }, (_, i) => i + 1)
          const t = tensor(floats ? Float32Array.from(values) : values, shape)
          const part = slice(
            t,
            cuts.map(({ begin }) => begin),
            cuts.map(({ size }) => size),
          )
          expect(part.shape).toEqual(cuts.map(({ size }) => size))
          expect(part.dtype).toBe(t.dtype)
          expect(Array.from(await part.data())).toEqual(expected(values, cuts))
          dispose(t, part)
        }),
      ),
    )
  })
})
