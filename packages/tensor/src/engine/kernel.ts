/**
 * Kernels: how an operator runs on a backend.
 *
 * A kernel is one function per backend, under one name:
 *   cpu     a plain function over typed arrays. It is the reference that the other two are tested against.
 *   wasm    pointers into the tfjs heap, on which our AssemblyScript module works in place.
 *   webgpu  WGSL programs.
 * Gradients are not here: an operator records its own on the tape (tape.ts).
 */
import { StateError } from '@casa-js/base'
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

/** A kernel that only wasm has: its operator is made of others elsewhere, which are its reference. */
export type WasmOnly<N extends string, A> = Pick<KernelSet<N, A>, 'wasm'>

/** Run a kernel on the current backend; its outputs are new tensors, tracked by the innermost scope. */
export type RunKernel<N extends string, A, Outputs extends Tensor[]> = (inputs: Inputs<N, Tensor>, attributes: A) => Outputs

/**
 * Define a kernel for the three backends, and return a function that runs it.
 * @typeParam N names of its input tensors; one that ends in '?' is optional
 * @typeParam A its attributes, what it needs besides tensors: sizes, flags, host-side index arrays
 */
export function defineKernel<N extends string, A extends object, Outputs extends Tensor[]>(
  name: string,
  set: KernelSet<N, A> | WasmOnly<N, A>,
): RunKernel<N, A, Outputs> {
  let kernels: KernelFuncs | undefined
  const run: TracedKernel = {
    wasm: (context, attributes) => set.wasm(context as WasmContext<N>, attributes as A),
    webgpu: (context, attributes) => (set as KernelSet<N, A>).webgpu(context as WebgpuContext<N>, attributes as A),
  }
  return (inputs, attributes) => {
    kernels ??= kernelsOf(name, set)
    observer?.({ kernel: name, inputs: inputs as Readonly<Record<string, Tensor | undefined>>, attributes })
    const given: tf.NamedTensorMap = {}
    for (const input in inputs) {
      const tensor = inputs[input as keyof typeof inputs] as Tensor | undefined
      if (tensor !== undefined) given[input] = tensor
    }
    const outputs = runKernel(name, kernels, given, attributes as tf.NamedAttrMap) as Outputs
    noteCall(name, run, inputs as Readonly<Record<string, Tensor | undefined>>, attributes, outputs)
    return outputs
  }
}

/** By backend. */
type KernelFuncs = Readonly<Partial<Record<string, tf.KernelFunc>>>

/** As tfjs's engine runs a kernel, less what it does for its own gradients, profiles and checks. */
function runKernel(name: string, kernels: KernelFuncs, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap): Tensor[] {
  const engine = tf.engine()
  const { backend, backendName } = engine
  const kernel = kernels[backendName]
  if (!kernel) throw new StateError(`${name} has no kernel for the backend ${backendName}; start a device with init()`)
  const found = kernel({ inputs, attrs, backend })
  return (Array.isArray(found) ? found : [found]).map((info) => engine.makeTensorFromTensorInfo(info))
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

function kernelsOf<N extends string, A>(name: string, set: KernelSet<N, A> | WasmOnly<N, A>): KernelFuncs {
  const wasm = wasmKernel(name, set.wasm)
  return 'cpu' in set ? { cpu: cpuKernel(set.cpu), wasm, webgpu: webgpuKernel(name, set.webgpu) } : { wasm }
}
