/** The wasm backend's side of a kernel: pointers into the tfjs heap and the exports of our AssemblyScript module. */
import { StateError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import type { InputName } from '../inputs.ts'
import type { KernelModule } from './exports.ts'

/** An input in the heap: its address, 0 for an optional one that was not given, and its shape. */
export interface HeapTensor {
  pointer: number
  shape: number[]
}

export interface WasmContext<N extends string> {
  input(name: InputName<N>): HeapTensor
  /** Several inputs at once. */
  inputs<const Names extends readonly InputName<N>[]>(...names: Names): { [I in keyof Names]: HeapTensor }
  /** Only their addresses. */
  pointers<const Names extends readonly InputName<N>[]>(...names: Names): { [I in keyof Names]: number }
  has(name: InputName<N>): boolean
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
export type WasmKernel<N extends string, A> = (context: WasmContext<N>, attributes: A) => void

/** The part of tfjs's wasm backend that we lean on; not in its types. */
export interface WasmBackend extends tf.KernelBackend {
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

export function wasmKernel<N extends string, A>(name: string, kernel: WasmKernel<N, A>): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const call = new KernelCall<N>(name, inputs, backend as WasmBackend)
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

class KernelCall<N extends string> implements WasmContext<N> {
  readonly outputs: tf.TensorInfo[] = []
  readonly exports: KernelModule
  private readonly temporary: number[] = []

  constructor(
    kernelName: string,
    private readonly given: tf.NamedTensorInfoMap,
    readonly backend: WasmBackend,
  ) {
    if (!kernelModule) throw new StateError(`${kernelName}: the kernel module is not there; start the device with init()`)
    this.exports = kernelModule
  }

  has(name: InputName<N>): boolean {
    return this.given[name] !== undefined
  }

  input(name: InputName<N>): HeapTensor {
    const info = this.given[name]
    return info ? { pointer: this.pointerOf(info), shape: info.shape } : { pointer: 0, shape: [] }
  }

  inputs<const Names extends readonly InputName<N>[]>(...names: Names) {
    return names.map((name) => this.input(name)) as { [I in keyof Names]: HeapTensor }
  }

  pointers<const Names extends readonly InputName<N>[]>(...names: Names) {
    return names.map((name) => this.input(name).pointer) as { [I in keyof Names]: number }
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
