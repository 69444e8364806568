/** Making tensors out of host data. */
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf, type DType, type Tensor } from '../../engine/tensor.ts'

/**
 * A tensor of the given values, row-major. The values are copied.
 * @throws Error if there are more or fewer values than the shape holds.
 */
export function tensor(data: ArrayLike<number>, shape: number[], dtype: DType = data instanceof Int32Array ? 'int32' : 'float32'): Tensor {
  if (data.length !== sizeOf(shape)) throw new Error(`tensor: ${data.length} values do not fill shape [${shape}]`)
  // The cpu backend would keep the caller's own array, and in-place operators would write into it.
  const values = dtype === 'float32' ? Float32Array.from(data) : dtype === 'int32' ? Int32Array.from(data) : Uint8Array.from(data)
  return tf.tensor(values, shape, dtype)
}

/** Zeros of a shape. */
export function zeros(shape: number[], dtype: DType = 'float32'): Tensor {
  return tf.zeros(shape, dtype)
}

/** One number everywhere. */
export function fill(shape: number[], value: number): Tensor {
  return tf.fill(shape, value, 'float32')
}
