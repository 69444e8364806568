/**
 * Replaces tfjs's slice on wasm, which copies its whole input out of the heap before it takes a part. Taking q, a quarter of a
 * million floats, out of a product that holds q, k and v takes 0.03 ms instead of 1.7. The other backends use tfjs's slice.
 */
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import { flushKernels, wasmKernel, type WasmContext } from './kernel.ts'

interface Attributes {
  begin: number[]
  size: number[]
  dtype: 'float32' | 'int32'
}

const itemBytes = 4

function sliceOf(context: WasmContext<'x'>, { begin, size, dtype }: Attributes): void {
  const { pointer, shape } = context.input('x')
  const strides = shape.map((_, axis) => itemBytes * sizeOf(shape.slice(axis + 1)))
  // Trailing axes that are taken whole are contiguous with the last axis that is cut.
  const last = Math.max(
    0,
    size.findLastIndex((count, axis) => count < shape[axis]!),
  )
  const pieceBytes = size[last]! * strides[last]!
  let to = context.output(size, dtype)

  const copy = (axis: number, from: number): void => {
    const here = from + begin[axis]! * strides[axis]!
    if (axis === last) {
      context.run('copyBlocks', here, to, 1, pieceBytes, 0)
      to += pieceBytes
    } else if (axis === last - 1) {
      context.run('copyBlocks', here + begin[last]! * strides[last]!, to, size[axis]!, pieceBytes, strides[axis]!)
      to += size[axis]! * pieceBytes
    } else {
      for (let i = 0; i < size[axis]!; i++) copy(axis + 1, here + i * strides[axis]!)
    }
  }
  if (sizeOf(size) > 0) copy(0, pointer)
}

const ours = wasmKernel('Slice', sliceOf)
let replaced = false

/** tfjs's backend must have been imported. */
export function replaceSlice(): void {
  if (replaced) return
  replaced = true
  const config = tf.getKernel('Slice', 'wasm')
  const kernelFunc: tf.KernelFunc = (call) => {
    const x = call.inputs.x as tf.Tensor
    if (x.dtype !== 'float32' && x.dtype !== 'int32') {
      flushKernels()
      return config.kernelFunc(call)
    }
    const given = call.attrs as Pick<tf.SliceAttrs, 'begin' | 'size'>
    const [begin, size] = tf.slice_util.parseSliceParams(x, given.begin, given.size) as [number[], number[]]
    return (ours({ ...call, attrs: { begin, size, dtype: x.dtype } }) as tf.TensorInfo[])[0]!
  }
  tf.unregisterKernel('Slice', 'wasm')
  tf.registerKernel({ ...config, kernelFunc })
}
