/** The wasm device: tfjs's backend, whose heap our module shares, and what runs kernels on it. */
import { StateError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import type { KernelModule } from './exports.ts'
import type { Heap } from './heap.ts'
import type { KernelQueue } from './queue.ts'
import type { ThreadPool } from './thread-pool.ts'

/** The part of tfjs's wasm backend that we use and its types leave out. */
export interface WasmBackend extends tf.KernelBackend {
  wasm: {
    _malloc(bytes: number): number
    _free(pointer: number): void
    /** Detached whenever the memory grows: read it again for every use. */
    HEAPU8: Uint8Array
    asm: { memory: WebAssembly.Memory }
  }
  dataIdMap: { get(dataId: object): { memoryOffset: number } }
  /** @param memoryOffset where it lies; memory that was not allocated yet by default */
  makeOutput(shape: number[], dtype: string, memoryOffset?: number): tf.TensorInfo
  disposeData(dataId: object): boolean
}

/** Write the values of a host array at an address. */
export function writeHeap({ wasm }: WasmBackend, pointer: number, data: Float32Array | Int32Array): void {
  wasm.HEAPU8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), pointer)
}

/** What kernels run on. */
export interface WasmDevice {
  /** The instance of our module on the heap's memory. */
  exports: KernelModule
  /** The threads that share it. */
  pool: ThreadPool | undefined
  heap: Heap
  queue: KernelQueue
}

let device: WasmDevice | undefined

/** Make a device the one that kernels run on; none when it was closed. */
export function attachKernels(started: WasmDevice | undefined): void {
  device = started
}

/** @throws StateError if it was not started, or is closed; `what` asked for it */
export function runningDevice(what: string): WasmDevice {
  if (!device) throw new StateError(`${what}: the kernel module is not there; start the device with init()`)
  return device
}

/** Run the kernels that are queued. To be called before the host, or a kernel of tfjs, reads memory that they write. */
export function flushKernels(): void {
  device?.queue.flush()
}

/** Threads that run kernels, the calling one among them. */
export const threadCount = (): number => device?.pool?.count ?? 1

/**
 * Run a list of regions (regions.ts), by all threads, after what is queued.
 * @param what it is, for errors
 */
export function runList(list: number, regions: number, what: string): void {
  const { queue } = runningDevice(what)
  queue.flush()
  queue.run(list, regions, what)
}

/** Wait until no thread reads a list any more. */
export function settle(): void {
  device?.pool?.settle()
}
