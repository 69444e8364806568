/**
 * Kernels: how an operator runs on a backend.
 *
 * A kernel is one function per backend, under one name, in tfjs's kernel registry:
 *   cpu     a plain function over typed arrays. It is the reference that the other two are tested against.
 *   wasm    pointers into the tfjs heap, on which our AssemblyScript module works in place.
 *   webgpu  WGSL programs.
 * Gradients are not here: an operator records its own on the tape (tape.ts).
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from './tensor.ts'
import { cpuKernel, type CpuKernel } from './cpu.ts'
import type { Inputs } from './inputs.ts'
import { noteCall, type TracedKernel } from './trace.ts'
import { wasmKernel, type WasmContext, type WasmKernel } from './wasm/kernel.ts'
import { webgpuKernel, type WebgpuContext, type WebgpuKernel } from './webgpu/kernel.ts'

export interface KernelSet<N extends string, A> {
  cpu: CpuKernel<N, A>
  wasm: WasmKernel<N, A>
  webgpu: WebgpuKernel<N, A>
}

/** Run a kernel on the current backend; its outputs are new tensors, tracked by the innermost scope. */
export type RunKernel<N extends string, A, Outputs extends Tensor[]> = (inputs: Inputs<N, Tensor>, attributes: A) => Outputs

/**
 * Define a kernel for the three backends, and return a function that runs it. It is registered on its first run, so that a bundle keeps
 * only the kernels that it uses. Registered names carry a prefix, so they never collide with tfjs's own.
 * @typeParam N names of its input tensors; one that ends in '?' is optional
 * @typeParam A its attributes, what it needs besides tensors: sizes, flags, host-side index arrays
 */
export function defineKernel<N extends string, A extends object, Outputs extends Tensor[]>(
  name: string,
  set: KernelSet<N, A>,
): RunKernel<N, A, Outputs> {
  const kernelName = 'Casa' + name
  let registered = false
  const run: TracedKernel = {
    wasm: (context, attributes) => set.wasm(context as WasmContext<N>, attributes as A),
    webgpu: (context, attributes) => set.webgpu(context as WebgpuContext<N>, attributes as A),
  }
  return (inputs, attributes) => {
    if (!registered) {
      register(kernelName, name, set)
      registered = true
    }
    observer?.({ kernel: name, inputs: inputs as Readonly<Record<string, Tensor | undefined>>, attributes })
    const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined))
    const out: Tensor | Tensor[] = tf.engine().runKernel(kernelName, given as tf.NamedTensorMap, attributes as tf.NamedAttrMap)
    const outputs = (Array.isArray(out) ? out : [out]) as Outputs
    noteCall(name, run, inputs as Readonly<Record<string, Tensor | undefined>>, attributes, outputs)
    return outputs
  }
}

/** One call of a kernel. Code that counts the operations of a pass reads shapes and attributes from it. */
export interface KernelCall {
  /** "MatMul", "Attention", .. */
  kernel: string
  inputs: Readonly<Record<string, Tensor | undefined>>
  attributes: object
}

let observer: ((call: KernelCall) => void) | undefined

/**
 * Runs `f` and reports every kernel that it runs, before it runs. Calls do not nest: the innermost observer sees the kernels.
 *
 * @returns what `f` returns
 */
export function observeKernels<T>(onKernel: (call: KernelCall) => void, f: () => T): T {
  const outer = observer
  observer = onKernel
  try {
    return f()
  } finally {
    observer = outer
  }
}

function register<N extends string, A>(kernelName: string, name: string, set: KernelSet<N, A>): void {
  const on = (backendName: string, kernelFunc: tf.KernelFunc) => {
    if (!tf.getKernel(kernelName, backendName)) tf.registerKernel({ kernelName, backendName, kernelFunc })
  }
  on('cpu', cpuKernel(set.cpu))
  on('wasm', wasmKernel(name, set.wasm))
  on('webgpu', webgpuKernel(name, set.webgpu))
}
