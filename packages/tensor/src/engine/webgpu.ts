/** The WebGPU backend's side of a kernel: WGSL programs dispatched through tfjs's backend. */
import type * as tf from '@tensorflow/tfjs-core'
import type { Attributes } from './kernel.ts'

export interface WebgpuContext {
  input(name: string): tf.TensorInfo
  has(name: string): boolean
}
export type WebgpuKernel<A extends Attributes> = (context: WebgpuContext, attributes: A) => tf.TensorInfo[]

export function webgpuKernel<A extends Attributes>(name: string, _kernel: WebgpuKernel<A>) {
  return (_: { inputs: tf.NamedTensorInfoMap; attrs?: unknown; backend: unknown }): tf.TensorInfo[] => {
    throw new Error(`${name}: the webgpu side is not wired yet`)
  }
}
