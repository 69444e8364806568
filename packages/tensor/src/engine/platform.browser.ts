/** What only a browser has: files by URL, and WebGPU as it is. */
import { DeviceUnavailableError } from '@casa-js/base'
import type { OpenGpu } from './webgpu/start.ts'

/** Undefined: tfjs looks beside the script that loaded it, unless init() was given a folder. */
export function tfjsWasmFolder(): string | undefined {
  return undefined
}

/** Our own kernel module, as the package's build left it. Written out twice, so that bundlers see both assets. */
export async function readKernelModule(fileName: 'kernels.wasm' | 'kernels-relaxed.wasm'): Promise<Uint8Array> {
  const url =
    fileName === 'kernels.wasm'
      ? new URL('../../build/kernels.wasm', import.meta.url)
      : new URL('../../build/kernels-relaxed.wasm', import.meta.url)
  const response = await fetch(url)
  if (!response.ok) throw new DeviceUnavailableError(`${url} answered ${response.status}: serve the package's build folder`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Whether the adapter is software is the browser's affair. @throws DeviceUnavailableError where WebGPU is not offered. */
export async function openGpu(_software: boolean): Promise<OpenGpu> {
  if (!globalThis.navigator?.gpu)
    throw new DeviceUnavailableError('this browser offers no WebGPU here (a secure context is needed: https or localhost)')
  return { gpu: navigator.gpu, close: () => {} }
}
