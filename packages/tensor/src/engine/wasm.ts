/** The wasm backend's side of a kernel: pointers into the tfjs heap and the exports of our AssemblyScript module. */
import type * as tf from '@tensorflow/tfjs-core'
import type { Attributes } from './kernel.ts'

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
  exports: Record<string, (...args: number[]) => number>
}
/** Outputs are those allocated through `context.output`, in order. */
export type WasmKernel<A extends Attributes> = (context: WasmContext, attributes: A) => void

export function wasmKernel<A extends Attributes>(name: string, _kernel: WasmKernel<A>) {
  return (_: { inputs: tf.NamedTensorInfoMap; attrs?: unknown; backend: unknown }): tf.TensorInfo[] => {
    throw new Error(`${name}: the wasm side is not wired yet`)
  }
}
