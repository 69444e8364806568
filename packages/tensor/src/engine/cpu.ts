/** The cpu backend's side of a kernel: plain typed arrays in, plain typed arrays out. */
import type * as tf from '@tensorflow/tfjs-core'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import type { Attributes } from './kernel.ts'

export interface Plain<D = Float32Array> {
  data: D
  shape: number[]
}
export type PlainInputs = Record<string, Plain<any>>
/** Pure unless the kernel is documented as in place; then it writes into an input's data and returns []. */
export type CpuKernel<A extends Attributes> = (inputs: PlainInputs, attributes: A) => Plain<Float32Array | Int32Array>[]

export function cpuKernel<A extends Attributes>(_name: string, kernel: CpuKernel<A>) {
  return ({ inputs, attrs, backend }: { inputs: tf.NamedTensorInfoMap; attrs?: unknown; backend: unknown }) => {
    const cpu = backend as MathBackendCPU
    const plain: PlainInputs = {}
    for (const [key, info] of Object.entries(inputs)) {
      if (info) plain[key] = { data: cpu.data.get(info.dataId).values as never, shape: info.shape }
    }
    return kernel(plain, attrs as A).map((out) =>
      cpu.makeTensorInfo(out.shape, out.data instanceof Int32Array ? 'int32' : 'float32', out.data as never),
    )
  }
}
