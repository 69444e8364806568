/** What tfjs allocates in the heap of its wasm backend, where that runs without ours, whose heap counts itself: C++ temporaries are not seen. */
import { OutOfMemoryError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../engine/wasm/device.ts'

/** Watch the current backend, which must be wasm, from now on: returns a function that gives the most bytes at once. Allocation beyond the limit throws. */
export function watchHeap(): () => number {
  const { wasm } = tf.backend() as WasmBackend
  // Emscripten replaces its stubs at the first call; wrap the real ones.
  wasm._free(wasm._malloc(1))
  const { _malloc, _free } = wasm
  const sizes = new Map<number, number>()
  let [held, peak] = [0, 0]
  wasm._malloc = (bytes) => {
    const pointer = _malloc(bytes)
    if (pointer === 0)
      throw new OutOfMemoryError(`${Math.round((held + bytes) / 2 ** 20)} MiB do not fit into a WebAssembly heap`)
    sizes.set(pointer >>> 0, bytes)
    peak = Math.max(peak, (held += bytes))
    return pointer
  }
  wasm._free = (pointer) => {
    held -= sizes.get(pointer >>> 0) ?? 0
    sizes.delete(pointer >>> 0)
    _free(pointer)
  }
  return () => peak
}
