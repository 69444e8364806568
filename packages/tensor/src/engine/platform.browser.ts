/** The browser's part of the platform: files by URL, and the browser's own WebGPU. */
import { DeviceUnavailableError } from '@casa-js/base'
import type { WasmFile } from './wasm/files.ts'
import type { OpenGpu } from './webgpu/start.ts'

/** The URL of each file in the package's build folder, written out one by one so that bundlers find and ship them. */
const urls: Record<Exclude<WasmFile, `kernels-wide${string}`>, () => URL> = {
  'kernels.wasm': () => new URL('../../build/kernels.wasm', import.meta.url),
  'kernels-shared.wasm': () => new URL('../../build/kernels-shared.wasm', import.meta.url),
  'kernels-relaxed.wasm': () => new URL('../../build/kernels-relaxed.wasm', import.meta.url),
  'kernels-relaxed-shared.wasm': () => new URL('../../build/kernels-relaxed-shared.wasm', import.meta.url),
  'tfjs-backend-wasm-simd.wasm': () => new URL('../../build/tfjs-backend-wasm-simd.wasm', import.meta.url),
  'tfjs-backend-wasm-simd-shared.wasm': () => new URL('../../build/tfjs-backend-wasm-simd-shared.wasm', import.meta.url),
}

/** The address of a file of the package's build folder. */
export function locationOf(file: keyof typeof urls): string {
  return urls[file]().href
}

export { defaultThreads, startThread } from './wasm/threads.browser.ts'

/** Our own kernel module. @throws DeviceUnavailableError where the page does not serve it. */
export async function readKernelModule(file: keyof typeof urls): Promise<Uint8Array> {
  const url = locationOf(file)
  const response = await fetch(url)
  if (!response.ok)
    throw new DeviceUnavailableError(`${url} answered ${response.status}: serve the build folder of @casa-js/tensor`)
  return new Uint8Array(await response.arrayBuffer())
}

export const wantsWideVectors = (): boolean => false

/** Why pages get none. */
export const widenVectors = (): string => 'wide vectors are an option of Node: a page cannot set the flags of its browser'

/** The browser decides whether the adapter is software. @throws DeviceUnavailableError where WebGPU is not offered. */
export async function openGpu(_software: boolean): Promise<OpenGpu> {
  if (!globalThis.navigator?.gpu)
    throw new DeviceUnavailableError('this browser offers no WebGPU here (a secure context is needed: https or localhost)')
  return { gpu: navigator.gpu, close: () => {} }
}
