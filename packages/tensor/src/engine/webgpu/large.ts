/**
 * tfjs's own kernels on WebGPU, for tensors beyond one binding.
 *
 * tfjs binds whole tensors, so one larger than maxStorageBufferBindingSize fails: the gradient of an embedding of 151,936 x 2048
 * has 1.2 GB, the smallest devices bind 128 MiB. Those of its kernels that weights and their gradients meet go in parts here; all
 * that fits goes to tfjs as before. Operators call them as they do everywhere.
 */
import { DeviceError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import type { CasaWebgpuBackend } from './backend.ts'
import { concatInParts, padInParts, paddedShape, sliceInParts, type PadAttributes } from './large-blocks.ts'
import { binaryInParts, fillInParts, negateInParts, type FillAttributes } from './large-elementwise.ts'
import { meanInParts, sumInParts } from './large-sums.ts'
import { webgpuKernel, type WebgpuKernel } from './kernel.ts'

interface LargeKernel {
  kernel: WebgpuKernel<any>
  /** Elements of the output, where it may be larger than every input. */
  outputSize?(inputs: tf.TensorInfo[], attributes: unknown): number
}

const kernels: Record<string, LargeKernel> = {
  Add: { kernel: binaryInParts('+') },
  Sub: { kernel: binaryInParts('-') },
  Multiply: { kernel: binaryInParts('*') },
  Neg: { kernel: negateInParts },
  Fill: { kernel: fillInParts, outputSize: (_, attributes) => sizeOf((attributes as FillAttributes).shape) },
  Sum: { kernel: sumInParts },
  Mean: { kernel: meanInParts },
  Slice: { kernel: sliceInParts },
  Concat: { kernel: concatInParts, outputSize: (inputs) => inputs.reduce((total, { shape }) => total + sizeOf(shape), 0) },
  PadV2: {
    kernel: padInParts,
    outputSize: ([{ shape }], attributes) => sizeOf(paddedShape(shape, (attributes as PadAttributes).paddings)),
  },
  Transpose: {
    kernel(context) {
      const [shape, most] = [context.input('x').shape, 4 * context.bindingElements]
      throw new DeviceError(`transpose of [${shape}]: this WebGPU device binds at most ${most} bytes; transpose slices of it`)
    },
  },
}

let replaced = false

/** Put them in front of tfjs's. Its backend must have been imported. */
export function cutLargeTensors(): void {
  if (replaced) return
  replaced = true
  for (const [kernelName, { kernel, outputSize }] of Object.entries(kernels)) {
    const config = tf.getKernel(kernelName, 'webgpu')
    const inParts = webgpuKernel(kernelName, kernel)
    const kernelFunc: tf.KernelFunc = (call) => {
      const backend = call.backend as CasaWebgpuBackend
      const inputs = Object.values(call.inputs) as tf.TensorInfo[]
      const sizes = inputs.map(({ shape }) => sizeOf(shape))
      const largest = Math.max(...sizes, outputSize?.(inputs, call.attrs) ?? 0)
      return 4 * largest <= backend.bindingBytes ? config.kernelFunc(call) : inParts({ ...call, backend })[0]!
    }
    tf.unregisterKernel(kernelName, 'webgpu')
    tf.registerKernel({ ...config, kernelFunc })
  }
}
