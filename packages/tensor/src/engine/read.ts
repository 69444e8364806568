/** Reading a tensor into memory that already exists. */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from './tensor.ts'
import type { WasmBackend } from './wasm/kernel.ts'

/**
 * Copy the values of a float32 tensor of any shape into `target`, which may be memory shared between threads. On wasm this avoids the extra copy
 * that `data()` makes.
 * @throws ArgumentError if the target has another size
 */
export async function readInto(t: Tensor, target: Float32Array): Promise<void> {
  if (target.length !== t.size || t.dtype !== 'float32')
    throw new ArgumentError(`readInto: ${t.dtype} [${t.shape}] does not fill ${target.length} float32 values`)
  const stored = tf.getBackend() === 'wasm' ? (tf.backend() as WasmBackend).dataIdMap.get(t.dataId) : undefined
  if (!stored) return target.set((await t.data()) as Float32Array)
  const { buffer } = (tf.backend() as WasmBackend).wasm.HEAPU8
  target.set(new Float32Array(buffer, stored.memoryOffset, t.size))
}
