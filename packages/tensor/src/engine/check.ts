/** Argument checks shared by operators. Errors name the operator, the argument, what was given and what was expected. */
import { ArgumentError } from '@casa-js/base'
import { sizeOf, type Tensor } from './tensor.ts'

/** @throws ArgumentError unless `tensor` has exactly this shape. */
export function expectShape(operator: string, argument: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || shape.some((extent, axis) => tensor.shape[axis] !== extent)) {
    throw new ArgumentError(`${operator}: ${argument} has shape [${tensor.shape}], expected [${shape}]`)
  }
}

/** @throws ArgumentError unless `tensor` has this rank. */
export function expectRank(operator: string, argument: string, tensor: Tensor, rank: number): void {
  if (tensor.rank !== rank) throw new ArgumentError(`${operator}: ${argument} has shape [${tensor.shape}], expected ${rank} axes`)
}

/** @throws ArgumentError unless a host array has one entry for each of `count` rows. */
export function expectLength(operator: string, argument: string, array: ArrayLike<number>, count: number): void {
  if (array.length !== count) throw new ArgumentError(`${operator}: ${argument} has ${array.length} entries, expected ${count}`)
}

/** Rows and width of a tensor viewed as a matrix over its last axis. It may have no rows, but must have columns. */
export function matrixOf(operator: string, argument: string, tensor: Tensor): { rows: number; width: number } {
  const width = tensor.shape[tensor.rank - 1]!
  if (tensor.rank === 0 || width === 0) {
    throw new ArgumentError(`${operator}: ${argument} has shape [${tensor.shape}], expected a last axis of at least one`)
  }
  return { rows: sizeOf(tensor.shape) / width, width }
}

/**
 * Kernels do not check ids: one out of range would read or write outside the tensor.
 * @param least the smallest valid id: 0, or -1 where -1 means "no row"
 */
export function checkIds(what: string, ids: Int32Array, N: number, least = -1): void {
  const wrong = ids.findIndex((id) => id < least || id >= N)
  if (wrong >= 0) throw new ArgumentError(`${what}: id ${ids[wrong]} at position ${wrong} is not in ${least} .. ${N - 1}`)
}
