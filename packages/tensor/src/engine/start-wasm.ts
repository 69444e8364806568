/** Starting the wasm backend: tfjs's own module, then ours on the same memory. */
import { readKernelModule, tfjsWasmFolder } from '#platform'
import * as tf from '@tensorflow/tfjs-core'
import { DeviceUnavailableError } from './errors.ts'
import type { InitOptions, StartedDevice } from './init.ts'
import { attachKernels, type KernelModule, type WasmBackend } from './wasm.ts'

export async function startWasm({ wasmFolder }: InitOptions): Promise<StartedDevice> {
  // Lazily: a page that runs on the GPU need not load it.
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  const folder = wasmFolder ?? tfjsWasmFolder()
  if (folder) setWasmPaths(folder)
  if (!(await tf.setBackend('wasm'))) throw new DeviceUnavailableError('tfjs could not start its wasm backend')

  const relaxed = WebAssembly.validate(relaxedProbe)
  const { memory } = (tf.backend() as unknown as WasmBackend).wasm.asm
  const binary = await readKernelModule(relaxed ? 'kernels-relaxed.wasm' : 'kernels.wasm')
  const { instance } = await WebAssembly.instantiate(binary as BufferSource as ArrayBuffer, { env: { memory } })
  attachKernels(instance.exports as KernelModule)
  return { adapter: 'WebAssembly SIMD', features: relaxed ? ['simd', 'relaxed-simd'] : ['simd'], limits: { heapBytes: 2 ** 32 } }
}

/** The smallest module with an f32x4.relaxed_madd: (func (result v128) a zero three times, relaxed_madd). */
const relaxedProbe = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function
  ...[0x0a, 0x13, 0x01, 0x11, 0x00], // its body, 17 bytes
  ...[0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f], // i32.const 0, i8x16.splat
  ...[0xfd, 0x85, 0x02, 0x0b], // f32x4.relaxed_madd, end
])
