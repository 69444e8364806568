import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose, withoutLeaks } from '../../engine/scope.ts'
import { sizeOf } from '../../engine/tensor.ts'
import { wantedDevices, whyMissing } from '../../testing/devices.ts'
import { tensor } from '../create/index.ts'
import { concat, slice } from '../shape/index.ts'

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

for (const device of wantedDevices) {
  const missing = await whyMissing(device)
  describe.skipIf(missing)(`copies on ${device}${missing ? ` (${missing})` : ''}`, () => {
    beforeAll(() => init({ device }))

    it('slice takes any block of tensors of any rank, of floats and of integers', async () => {
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
        { numRuns: device === 'webgpu' ? 30 : 100 },
      )
    })

    it('concat joins any number of tensors along the first axis', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }), fc.boolean(), (rows, floats) =>
          withoutLeaks('concat', async () => {
            let next = 0
            const parts = rows.map((count) => Int32Array.from({ length: count * 6 }, () => next++))
            const list = parts.map((values, i) => tensor(floats ? Float32Array.from(values) : values, [rows[i]!, 2, 3]))
            const joined = concat(list, 0)
            expect(joined.shape).toEqual([next / 6, 2, 3])
            expect(Array.from(await joined.data())).toEqual(Array.from({ length: next }, (_, i) => i))
            dispose(joined, ...list)
          }),
        ),
        { numRuns: device === 'webgpu' ? 20 : 60 },
      )
    })
  })
}
