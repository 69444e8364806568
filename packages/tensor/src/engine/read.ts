/** Reading a tensor into memory that already exists. */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from './tensor.ts'
import { flushKernels, type WasmBackend } from './wasm/device.ts'

/**
 * Copy the values of a float32 tensor of any shape into `target`, which may be memory shared between threads. On wasm this avoids the extra copy
 * that `data()` makes.
 * @returns undefined where the values were at hand and have been copied; on WebGPU a promise, and the tensor must live until it is fulfilled
 * @throws ArgumentError if the target has another size
 */
export function readInto(t: Tensor, target: Float32Array): Promise<void> | undefined {
  if (target.length !== t.size || t.dtype !== 'float32')
    throw new ArgumentError(`readInto: ${t.dtype} [${t.shape}] does not fill ${target.length} float32 values`)
  const backend = tf.backend()
  const name = tf.getBackend()
  if (name === 'webgpu') return t.data().then((values) => target.set(values))
  const stored = name === 'wasm' ? (backend as WasmBackend).dataIdMap.get(t.dataId) : undefined
  if (stored) flushKernels()
  if (stored) target.set(new Float32Array((backend as WasmBackend).wasm.HEAPU8.buffer, stored.memoryOffset, t.size))
  else target.set(backend.readSync(t.dataId) as Float32Array)
  return undefined
}
