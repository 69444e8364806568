/** Creating tensors from host data. */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf, type DType, type Tensor, type TypedArray } from '../../engine/tensor.ts'
import { hostTensor, noteCall, type HostTensorAttributes, type TracedKernel } from '../../engine/trace.ts'

/**
 * A new tensor of the given values, row-major, of any shape. The values are copied.
 * @param data as many values as the shape holds
 * @param dtype default: int32 for an Int32Array, else float32
 * @throws ArgumentError if there are more or fewer values than the shape holds
 */
export function tensor(
  data: ArrayLike<number>,
  shape: number[],
  dtype: DType = data instanceof Int32Array ? 'int32' : 'float32',
): Tensor {
  if (data.length !== sizeOf(shape)) throw new ArgumentError(`tensor: ${data.length} values do not fill shape [${shape}]`)
  const out = tf.tensor(takesCopies() && matches(data, dtype) ? data : copyOf(data, dtype), shape, dtype)
  if (matches(data, dtype)) noteCall(hostTensor, tracedTensor, {}, { data }, [out])
  return out
}

/** Values that were on the host lie where a plan wants them. */
const tracedTensor: TracedKernel = {
  wasm(context, attributes) {
    const { data } = attributes as HostTensorAttributes
    const dtype = data instanceof Int32Array ? 'int32' : 'float32'
    const { buffer, byteOffset } = context.floats(context.output([data.length], dtype), data.length)
    new Uint8Array(buffer, byteOffset, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  },
  webgpu: (context, attributes) => [context.upload((attributes as HostTensorAttributes).data)],
}

/** wasm copies values into its heap immediately; the others may keep the caller's array, and in-place operators would write into it. */
const takesCopies = () => tf.getBackend() === 'wasm'

const matches = (data: ArrayLike<number>, dtype: DType): data is Float32Array | Int32Array =>
  (dtype === 'float32' && data instanceof Float32Array) || (dtype === 'int32' && data instanceof Int32Array)

const copyOf = (data: ArrayLike<number>, dtype: DType): TypedArray =>
  dtype === 'float32' ? Float32Array.from(data) : dtype === 'int32' ? Int32Array.from(data) : Uint8Array.from(data)

/** A new tensor of zeros, of any shape. */
export function zeros(shape: number[], dtype: DType = 'float32'): Tensor {
  // tfjs's zeros are made on the host and copied over; a fill happens on the device.
  return dtype === 'float32' ? tf.fill(shape, 0) : tf.zeros(shape, dtype)
}

/** A new float32 tensor of any shape, filled with one number. */
export function fill(shape: number[], value: number): Tensor {
  return tf.fill(shape, value, 'float32')
}
