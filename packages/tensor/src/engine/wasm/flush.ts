/** Whatever of tfjs reads the heap of the wasm device first runs the kernels that are queued (queue.ts). */
import * as tf from '@tensorflow/tfjs-core'
import { flushKernels, type WasmBackend } from './device.ts'

/** Those of tfjs that read no values. */
const exempt = ['Reshape', 'ExpandDims', 'Fill']
let wrapped = false

/** Before ours replace some of tfjs's. */
export function flushBeforeOthers(backend: WasmBackend): void {
  const read = backend.readSync.bind(backend)
  backend.readSync = (...given: Parameters<typeof read>) => {
    flushKernels()
    return read(...given)
  }
  // Kernels are registered once for all backends of a name.
  if (wrapped) return
  wrapped = true
  for (const config of tf.getKernelsForBackend('wasm')) {
    if (exempt.includes(config.kernelName)) continue
    const kernelFunc: tf.KernelFunc = (call) => {
      flushKernels()
      return config.kernelFunc(call)
    }
    tf.unregisterKernel(config.kernelName, 'wasm')
    tf.registerKernel({ ...config, kernelFunc })
  }
}
