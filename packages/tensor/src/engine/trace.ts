/**
 * A trace: the kernels that a piece of work runs, in order, with the memory that they read and write. A plan (../plan) is made from it.
 *
 * Tensors are known by their memory: a reshaped tensor is the same memory, so reshaping leaves no mark.
 */
import type { DType, Tensor } from './tensor.ts'
import type { WasmContext } from './wasm/kernel.ts'
import type { WebgpuContext } from './webgpu/kernel.ts'
import type * as tf from '@tensorflow/tfjs-core'

/** Memory that a kernel reads or writes, of this shape. */
export interface TracedTensor {
  dataId: object
  shape: number[]
  dtype: DType
}

/** How a kernel runs outside the engine, on memory that the caller gives. */
export interface TracedKernel {
  wasm(context: WasmContext<string>, attributes: object): void
  webgpu(context: WebgpuContext<string>, attributes: object): tf.TensorInfo[]
}

export interface TracedCall {
  kernel: string
  run: TracedKernel
  inputs: Readonly<Record<string, TracedTensor>>
  attributes: Readonly<Record<string, unknown>>
  outputs: readonly TracedTensor[]
}

/** The name under which tensors of values from the host are noted. */
export const hostTensor = 'HostTensor'

export interface HostTensorAttributes {
  /** The caller's array itself. */
  data: Float32Array | Int32Array
}

let calls: TracedCall[] | undefined

/** Run `f` and note every kernel that it runs. Traces do not nest. */
export function traceKernels<T>(f: () => T): { result: T; calls: TracedCall[] } {
  const noted: TracedCall[] = (calls = [])
  try {
    return { result: f(), calls: noted }
  } finally {
    calls = undefined
  }
}

/** Note a call, if there is a trace. */
export function noteCall(
  kernel: string,
  run: TracedKernel,
  inputs: Readonly<Record<string, Tensor | undefined>>,
  attributes: object,
  outputs: readonly Tensor[],
): void {
  if (!calls) return
  const given = Object.entries(inputs).flatMap(([name, tensor]) => (tensor ? [[name, traced(tensor)] as const] : []))
  calls.push({
    kernel,
    run,
    inputs: Object.fromEntries(given),
    attributes: attributes as Record<string, unknown>,
    outputs: outputs.map(traced),
  })
}

export const traced = ({ dataId, shape, dtype }: Tensor): TracedTensor => ({ dataId, shape, dtype: dtype as DType })
