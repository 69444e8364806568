/** Node's part of the platform: files of the package on disk. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import type { WasmFile } from './wasm/files.ts'

/** The path of a file of the package's build folder. */
export function locationOf(file: WasmFile): string {
  return fileURLToPath(new URL(`../../build/${file}`, import.meta.url))
}

/** Our own kernel module. */
export async function readKernelModule(file: WasmFile): Promise<Uint8Array> {
  return readFile(locationOf(file))
}

/** Whether CASA_WIDE_VECTORS asks for vectors of 256 bits. */
export const wantsWideVectors = (): boolean => process.env.CASA_WIDE_VECTORS === '1'

/** Tells V8 to join neighbouring vectors to 256 bits in modules that are compiled from now on. Returns why it cannot, if it cannot. */
export function widenVectors(): string | undefined {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 24) return `wide vectors need Node 24 or newer, this is ${process.version}`
  if (process.arch !== 'x64') return `wide vectors are for x64 processors, this is ${process.arch}`
  setFlagsFromString('--experimental-wasm-revectorize')
  return undefined
}

export { defaultThreads, startThread } from './wasm/threads.node.ts'
export { openGpu } from './webgpu/gpu.node.ts'
