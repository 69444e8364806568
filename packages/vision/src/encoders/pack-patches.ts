/** Packs the patches of several images into one tensor. */
import { CasaError } from '@casa-js/base'
import { type Patches } from '@casa-js/core'
import { tensor, type Tensor } from '@casa-js/tensor'
import { cellsOf } from '../tables/grid.ts'

/**
 * The patches of all images, concatenated: [N, values per patch].
 * @throws CasaError when there is no image, or the patches of one do not have the expected number of values.
 */
export function packPatches(modelType: string, images: Patches[], valuesPerPatch: number): Tensor {
  const cells = images.reduce((sum, { grid }) => sum + cellsOf(grid), 0)
  if (cells === 0) throw new CasaError(`${modelType}: no image to encode`)
  images.forEach(({ values, grid, valuesPerPatch: found }, image) => {
    if (found !== valuesPerPatch || values.length !== cellsOf(grid) * valuesPerPatch) {
      const expected = `${grid.rows} x ${grid.columns} patches of ${valuesPerPatch}`
      throw new CasaError(`${modelType}: image ${image} has ${values.length} values in patches of ${found}; expected ${expected}`)
    }
  })
  return tensor(joined(images.map(({ values }) => values)), [cells, valuesPerPatch])
}

/** A single array as it is: a trace knows an image's values by it. */
function joined(arrays: Float32Array[]): Float32Array {
  if (arrays.length === 1) return arrays[0]!
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const each of arrays) {
    all.set(each, at)
    at += each.length
  }
  return all
}
