/**
 * Kernels: how an operator reaches a backend.
 *
 * A kernel is one function a backend, under one name, in tfjs's kernel registry:
 *   cpu     a plain function over typed arrays. It is the reference that the other two are tested against.
 *   wasm    pointers into the tfjs heap, on which our AssemblyScript module works in place.
 *   webgpu  WGSL programs.
 * Gradients are not here: an operator records its own on the tape (tape.ts).
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from './tensor.ts'
import { cpuKernel, type CpuKernel } from './cpu.ts'
import { wasmKernel, type WasmKernel } from './wasm/kernel.ts'
import { webgpuKernel, type WebgpuKernel } from './webgpu/kernel.ts'

/** Whatever an operator must tell its kernel beside tensors: sizes, flags, host-side index arrays. */
export type Attributes = Record<string, unknown>

export interface KernelSet<A extends Attributes = Attributes> {
  cpu: CpuKernel<A>
  wasm: WasmKernel<A>
  webgpu: WebgpuKernel<A>
}

/** Register one kernel on the three backends. Names carry a prefix so that they never meet one of tfjs's own. */
export function defineKernel<A extends Attributes>(name: string, set: KernelSet<A>): void {
  const kernelName = 'Casa' + name
  const register = (backendName: string, kernelFunc: tf.KernelFunc) => {
    if (!tf.getKernel(kernelName, backendName)) tf.registerKernel({ kernelName, backendName, kernelFunc })
  }
  register('cpu', cpuKernel(name, set.cpu) as tf.KernelFunc)
  register('wasm', wasmKernel(name, set.wasm) as tf.KernelFunc)
  register('webgpu', webgpuKernel(name, set.webgpu) as tf.KernelFunc)
}

type Inputs = Record<string, Tensor | undefined>

/** Run a kernel on the current backend; its outputs are new tensors, tracked by the innermost scope. */
export function run(name: string, inputs: Inputs, attributes: Attributes = {}): Tensor[] {
  const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined))
  const out = tf.engine().runKernel('Casa' + name, given as tf.NamedTensorMap, attributes as tf.NamedAttrMap)
  return Array.isArray(out) ? (out as Tensor[]) : [out as Tensor]
}
