/** Replaces tfjs's addition of two tensors of one shape on wasm, which one thread does alone. What is broadcast stays with tfjs. */
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import { partOf, wasmKernel, type WasmContext } from './kernel.ts'

/** a + b, of one shape. */
export function addOfOneShape(context: WasmContext<'a' | 'b'>): void {
  const [a, b] = context.inputs('a', 'b')
  const size = sizeOf(a.shape)
  const sum = context.output(a.shape)
  // Reading three arrays takes longer than one addition.
  context.share('add', { count: size, work: 4 * size, unit: 8 }, (begin, count) => [
    ...[a.pointer, b.pointer, sum].map((pointer) => partOf(pointer, begin)),
    count,
  ])
}

const ours = wasmKernel('Add', addOfOneShape)
let replaced = false

/** After tfjs's kernels were made to flush (flush.ts): its own addition must. */
export function replaceAdd(): void {
  if (replaced) return
  replaced = true
  const config = tf.getKernel('Add', 'wasm')
  const kernelFunc: tf.KernelFunc = (call) => {
    const { a, b } = call.inputs as Record<'a' | 'b', tf.TensorInfo>
    const isOurs = a.dtype === 'float32' && b.dtype === 'float32' && a.shape.join() === b.shape.join()
    return isOurs ? (ours(call) as tf.TensorInfo[])[0]! : config.kernelFunc(call)
  }
  tf.unregisterKernel('Add', 'wasm')
  tf.registerKernel({ ...config, kernelFunc })
}
