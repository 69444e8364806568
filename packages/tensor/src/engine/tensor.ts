/** The tensor type of casa-js, which is tfjs's. Other packages import it from here only. */
import type * as tf from '@tensorflow/tfjs-core'

export type Tensor = tf.Tensor
export type DType = 'float32' | 'int32' | 'bool'
export type TypedArray = Float32Array | Int32Array | Uint8Array

/** How many values a tensor of this shape holds. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Split a shape into the product of its leading axes and the size of its last axis. */
export function rowsOf(shape: readonly number[]): { rows: number; width: number } {
  const width = shape[shape.length - 1] ?? 1
  return { rows: width === 0 ? 0 : sizeOf(shape) / width, width }
}
