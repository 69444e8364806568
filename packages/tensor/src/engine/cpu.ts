/** The cpu implementation of a kernel: typed arrays in, typed arrays out. */
import type * as tf from '@tensorflow/tfjs-core'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import type { Inputs } from './inputs.ts'

export interface Plain<Data extends Float32Array | Int32Array = Float32Array | Int32Array> {
  data: Data
  shape: number[]
}
/** Pure unless the kernel is documented as in place; then it writes into an input's data and returns []. */
export type CpuKernel<N extends string, A> = (inputs: Inputs<N, Plain>, attributes: A) => Plain[]

export function cpuKernel<N extends string, A>(kernel: CpuKernel<N, A>): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const cpu = backend as MathBackendCPU
    const plain: Record<string, Plain> = {}
    for (const [key, info] of Object.entries(inputs)) {
      if (info) plain[key] = { data: cpu.data.get(info.dataId).values as Float32Array | Int32Array, shape: info.shape }
    }
    return kernel(plain as Inputs<N, Plain>, attrs as A).map((out) =>
      cpu.makeTensorInfo(out.shape, out.data instanceof Int32Array ? 'int32' : 'float32', out.data),
    )
  }
}
