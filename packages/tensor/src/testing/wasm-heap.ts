/** What tfjs allocates in the heap of its wasm backend, where that runs without ours, whose heap counts itself: C++ temporaries are not seen. */
import { OutOfMemoryError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../engine/wasm/device.ts'

export interface HeapWatch {
  /** Most bytes at once of what was allocated since. */
  peakBytes(): number
  stop(): void
}

/** Watch the current backend, which must be wasm. Allocation beyond the limit throws. */
export function watchHeap(): HeapWatch {
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
  return { peakBytes: () => peak, stop: () => void Object.assign(wasm, { _malloc, _free }) }
}
