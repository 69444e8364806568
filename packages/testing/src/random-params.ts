/** Weights for tests: asymmetric, so that a swapped head, a missing bias or a wrong norm changes the result. */
import { createRandom, hashText, type Params, type TensorTable } from '@casa-js/core'
import { keep, tensor } from '@casa-js/tensor'

/** The caller disposes them. */
export function randomParams(table: TensorTable, seed = 1): Params {
  return Object.fromEntries(
    table.map(({ name, shape }) => {
      const random = createRandom(seed, hashText(name))
      const size = shape.reduce((product, extent) => product * extent, 1)
      const isVector = shape.length === 1
      const scale = isVector ? 0.1 : 0.8 / Math.sqrt(size / shape[0]!)
      const centre = isVector && !name.endsWith('bias') ? 1 : 0
      return [
        name,
        keep(
          tensor(
            Float32Array.from({ length: size }, () => centre + scale * random.normal()),
            shape,
          ),
        ),
      ]
    }),
  )
}

/** Token ids from a seed. */
export function randomIds(count: number, vocabSize: number, seed = 1): Int32Array {
  const random = createRandom(seed, count, vocabSize)
  return Int32Array.from({ length: count }, () => random.integer(0, vocabSize - 1))
}
