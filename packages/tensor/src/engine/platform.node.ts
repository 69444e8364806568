/** What only Node has: files beside the package. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'

/** Folder of tfjs's own wasm binaries. */
export function tfjsWasmFolder(): string | undefined {
  return dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')) + sep
}

/** Our own kernel module, as the package's build left it. */
export async function readKernelModule(fileName: string): Promise<Uint8Array> {
  return readFile(new URL(`../../build/${fileName}`, import.meta.url))
}

export { openGpu } from './webgpu/gpu.node.ts'
