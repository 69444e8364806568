/** The wasm backend's side of a kernel: pointers into the tfjs heap and the exports of our AssemblyScript module. */
import { StateError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import type { Attributes } from '../kernel.ts'

export interface WasmContext {
  /** Address and shape of an input; pointer 0 when the optional input was not given. */
  input(name: string): { pointer: number; shape: number[] }
  has(name: string): boolean
  /** Allocate an output tensor; its memory is not initialised. */
  output(shape: number[], dtype?: 'float32' | 'int32'): number
  /** Copy a host array into the heap for the length of this call. */
  upload(data: Float32Array | Int32Array): number
  /** Scratch memory for the length of this call, 16-byte aligned, not initialised. */
  scratch(bytes: number): number
  /** The functions that packages/tensor/kernels exports. */
  exports: KernelModule
}
/** Outputs are those allocated through `context.output`, in order. */
export type WasmKernel<A extends Attributes> = (context: WasmContext, attributes: A) => void
export type KernelModule = Record<string, (...args: number[]) => number>

/** The part of tfjs's wasm backend that we lean on; not in its types. */
export interface WasmBackend {
  wasm: {
    _malloc(bytes: number): number
    _free(pointer: number): void
    /** Detached whenever the memory grows: take it anew for every use. */
    HEAPU8: Uint8Array
    asm: { memory: WebAssembly.Memory }
  }
  dataIdMap: { get(dataId: object): { memoryOffset: number } }
  makeOutput(shape: number[], dtype: string): tf.TensorInfo
  disposeData(dataId: object): boolean
}

let kernelModule: KernelModule | undefined

/** Hand over the instance of our module that lives on the backend's memory. */
export function attachKernels(exports: KernelModule): void {
  kernelModule = exports
}

export function wasmKernel<A extends Attributes>(name: string, kernel: WasmKernel<A>) {
  return ({ inputs, attrs, backend }: { inputs: tf.NamedTensorInfoMap; attrs?: unknown; backend: unknown }): tf.TensorInfo[] => {
    const call = new KernelCall(name, inputs, backend as WasmBackend)
    try {
      kernel(call, attrs as A)
      return call.outputs
    } catch (error) {
      for (const { dataId } of call.outputs) call.backend.disposeData(dataId)
      throw error
    } finally {
      call.release()
    }
  }
}

class KernelCall implements WasmContext {
  readonly outputs: tf.TensorInfo[] = []
  readonly exports: KernelModule
  private readonly temporary: number[] = []

  constructor(
    kernelName: string,
    private readonly inputs: tf.NamedTensorInfoMap,
    readonly backend: WasmBackend,
  ) {
    if (!kernelModule) throw new StateError(`${kernelName}: the kernel module is not there; start the device with init()`)
    this.exports = kernelModule
  }

  has(name: string): boolean {
    return this.inputs[name] !== undefined
  }

  input(name: string): { pointer: number; shape: number[] } {
    const info = this.inputs[name]
    return info ? { pointer: this.pointerOf(info), shape: info.shape } : { pointer: 0, shape: [] }
  }

  output(shape: number[], dtype: 'float32' | 'int32' = 'float32'): number {
    const info = this.backend.makeOutput(shape, dtype)
    this.outputs.push(info)
    return this.pointerOf(info)
  }

  upload(data: Float32Array | Int32Array): number {
    const pointer = this.scratch(data.byteLength)
    this.backend.wasm.HEAPU8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), pointer)
    return pointer
  }

  scratch(bytes: number): number {
    // The heap's own alignment is 8.
    // Sizes that kernels work out come back as signed integers.
    const pointer = this.backend.wasm._malloc((bytes >>> 0) + 16) >>> 0
    this.temporary.push(pointer)
    return Math.ceil(pointer / 16) * 16
  }

  release(): void {
    for (const pointer of this.temporary) this.backend.wasm._free(pointer)
  }

  private pointerOf(info: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(info.dataId).memoryOffset
  }
}
