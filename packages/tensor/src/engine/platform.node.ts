/** Node's part of the platform: files of the package on disk. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { WasmFile } from './wasm/files.ts'

/** The path of a file of the package's build folder. */
export function locationOf(file: WasmFile): string {
  return fileURLToPath(new URL(`../../build/${file}`, import.meta.url))
}

/** Our own kernel module. */
export async function readKernelModule(file: WasmFile): Promise<Uint8Array> {
  return readFile(locationOf(file))
}

export { defaultThreads, startThread } from './wasm/threads.node.ts'
export { openGpu } from './webgpu/gpu.node.ts'
