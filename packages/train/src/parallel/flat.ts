/** Tensors in and out of the flat vector of all trained weights that ranks exchange. */
import { dispose, reshape, tensor, writeRows, type Tensor } from '@casa-js/tensor'
import { readInto } from '@casa-js/tensor/internal'
import { offsetsOf, partsOf, type Part, type Range } from './parts.ts'

/** Copies values of a range of the weights into the same range of a vector of all. */
export async function readRange(weights: readonly Tensor[], range: Range, vector: Float32Array): Promise<void> {
  const sizes = weights.map(({ size }) => size)
  const offsets = offsetsOf(sizes)
  for (const part of partsOf(sizes, range)) {
    const weight = weights[part.weight]!
    const target = vector.subarray(offsets[part.weight]! + part.begin, offsets[part.weight]! + part.end)
    if (target.length === weight.size) {
      await readInto(weight, target)
      continue
    }
    const whole = new Float32Array(weight.size)
    await readInto(weight, whole)
    target.set(whole.subarray(part.begin, part.end))
  }
}

/** Copies a range of the vector into the weights, in place. */
export function writeRange(weights: readonly Tensor[], range: Range, vector: Float32Array): void {
  const sizes = weights.map(({ size }) => size)
  const offsets = offsetsOf(sizes)
  for (const { weight, begin, end } of partsOf(sizes, range)) {
    const values = tensor(vector.slice(offsets[weight]! + begin, offsets[weight]! + end), [end - begin])
    writeValues(weights[weight]!, values, begin)
    dispose(values)
  }
}

/** Overwrites values [begin, begin + n) of a tensor of any shape with `values` [n], in place. */
export function writeValues(target: Tensor, values: Tensor, begin: number): void {
  const flat = reshape(target, [target.size])
  writeRows(flat, values, begin)
  dispose(flat)
}

/** A range of the vector as tensors: whole weights in their shape, pieces flat. The caller disposes them. */
export function partTensors(weights: readonly Tensor[], range: Range, vector: Float32Array): Tensor[] {
  const sizes = weights.map(({ size }) => size)
  const offsets = offsetsOf(sizes)
  return partsOf(sizes, range).map((part) =>
    tensor(
      vector.subarray(offsets[part.weight]! + part.begin, offsets[part.weight]! + part.end),
      shapeOfPart(part, weights[part.weight]!),
    ),
  )
}

/** Shape of a part's gradient and moments: the weight's if it is whole, else flat. */
export function shapeOfPart({ begin, end }: Part, weight: Tensor): number[] {
  return end - begin === weight.size ? weight.shape : [end - begin]
}
