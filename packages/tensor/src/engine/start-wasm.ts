/** Starting the wasm backend: tfjs's own module, then ours on the same memory. */
import { tfjsWasmFolder } from '#platform'
import type { InitOptions, StartedDevice } from './init.ts'

export async function startWasm({ wasmFolder }: InitOptions): Promise<StartedDevice> {
  // Lazily: a page that runs on the GPU need not load it.
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  const folder = wasmFolder ?? tfjsWasmFolder()
  if (folder) setWasmPaths(folder)
  return { adapter: 'WebAssembly SIMD', features: [], limits: {} }
}
