import { add, dispose, memory, report, tensor, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { describeOnDevices, expectNear } from '@casa-js/testing'
import { expect, it } from 'vitest'
import { noisePatches, tinyEncoder } from '../fixtures/bind-family.ts'
import { visionFamilies } from './families.ts'
import { planEncoder } from './planned-encoder.ts'

const valuesOf = async (t: Tensor) => {
  const values = (await t.data()).slice() as Float32Array
  t.dispose()
  return values
}

await describeOnDevices('planned encoders', ({ forward }) => {
  const isPlanned = () => report().device !== 'cpu'

  for (const family of visionFamilies) {
    it(`${family.modelType}: frames from a plan equal those op by op, in two sizes`, () =>
      withoutLeaks(family.modelType, async () => {
        const { encoder, params, config } = tinyEncoder(family)
        const { patchSizePx } = config as { patchSizePx: number }
        const perPatch = family.process({ widthPx: 32, heightPx: 32, data: new Uint8Array(32 * 32 * 3) }, config).valuesPerPatch
        expect(perPatch % (3 * patchSizePx ** 2)).toBe(0)
        const planned = planEncoder(encoder)
        for (let frame = 0; frame < 5; frame++) {
          for (const side of [8, 16]) {
            const patches = noisePatches(side, side, perPatch, frame + side)
            const found = await valuesOf(planned.encode(patches))
            const expected = await valuesOf(encoder.encode([patches]))
            const what = `frame ${frame} of ${side} x ${side}, ${planned.use.images} planned; refused: ${planned.use.refused}`
            if (report().device === 'wasm') expect(found, what).toEqual(expected)
            else expectNear(what, found, expected, forward, 'the plan computes something else')
          }
        }
        expect(planned.use.images, planned.use.refused).toBe(isPlanned() ? 2 * 3 : 0)
        if (isPlanned()) {
          const { values, ...rest } = noisePatches(8, 8, perPatch, 49)
          for (const wrong of [values.subarray(1), Float32Array.of(...values, 1)])
            expect(() => planned.encode({ values: wrong, ...rest })).toThrow(
              /values: a step like those before takes float32 .* and was given/,
            )
        }
        const held = memory()
        await valuesOf(planned.encode(noisePatches(8, 8, perPatch, 50)))
        expect(memory()).toEqual(held)
        // A third size takes the place of the one used least recently.
        await valuesOf(planned.encode(noisePatches(8, 16, perPatch, 51)))
        planned.dispose()
        dispose(...Object.values(params))
      }))
  }

  it('a frame that stands still is not taken for a constant', () =>
    withoutLeaks('still', async () => {
      // Makes a tensor of a number that it computed from the values.
      const encoder = {
        encode: ([image]: { values: Float32Array }[]) => {
          const values = tensor(image!.values, [image!.values.length])
          const copy = tensor(
            image!.values.map((value) => 2 * value),
            [image!.values.length],
          )
          const sum = add(values, copy)
          dispose(values, copy)
          return sum
        },
      }
      const planned = planEncoder(encoder as never)
      for (const seed of [1, 1, 1, 2, 3, 4]) {
        const { values, ...rest } = noisePatches(2, 2, 3, seed)
        const found = await valuesOf(planned.encode({ values, ...rest }))
        found.forEach((value, i) => expect(value).toBeCloseTo(3 * values[i]!, 5))
      }
      expect(planned.use.images).toBe(0)
      planned.dispose()
    }))
})
