/**
 * tfjs's own kernels on WebGPU, for tensors larger than one binding, and for what decoding meets.
 *
 * tfjs binds whole tensors, so one larger than maxStorageBufferBindingSize fails: the gradient of an embedding of 151,936 x 2048
 * has 1.2 GB, the smallest devices bind 128 MiB. The kernels that weights and their gradients use are replaced here by ones that work
 * in parts; tensors that fit still go to tfjs. Operators call them as on any backend.
 *
 * tfjs makes a buffer of uniforms and a bind group for every dispatch. Where ours do the same work (sums of equal shapes, blocks along
 * one axis) they are always taken: their bind groups are found made, and a frame of captions creates nothing.
 */
import { DeviceError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import type { CasaWebgpuBackend } from './backend.ts'
import {
  concatInParts,
  padInParts,
  paddedShape,
  slicedShape,
  sliceInParts,
  type PadAttributes,
  type SliceAttributes,
} from './oversized-blocks.ts'
import { binaryInParts, fillInParts, negateInParts, type FillAttributes } from './oversized-elementwise.ts'
import { meanInParts, sumInParts } from './oversized-sums.ts'
import { webgpuKernel } from './kernel.ts'

interface OversizedKernel {
  kernel: ReturnType<typeof webgpuKernel>
  /** Elements of the output, if it may be larger than every input. */
  outputSize?(inputs: tf.TensorInfo[], attributes: unknown): number
  /** Whether it does what tfjs's does, in as many dispatches, for tensors that fit. They have values, in 4 bytes each. */
  instead?(inputs: tf.TensorInfo[], attributes: unknown): boolean
}

const ofOneShape = ([a, b]: tf.TensorInfo[]): boolean => a!.dtype === b!.dtype && a!.shape.join() === b!.shape.join()

const kernels: Record<string, OversizedKernel> = {
  Add: { kernel: webgpuKernel('Add', binaryInParts('+')), instead: ofOneShape },
  Sub: { kernel: webgpuKernel('Sub', binaryInParts('-')), instead: ofOneShape },
  Multiply: { kernel: webgpuKernel('Multiply', binaryInParts('*')), instead: ofOneShape },
  Neg: { kernel: webgpuKernel('Neg', negateInParts) },
  Fill: {
    kernel: webgpuKernel('Fill', fillInParts),
    outputSize: (_, attributes) => sizeOf((attributes as FillAttributes).shape),
  },
  Sum: { kernel: webgpuKernel('Sum', sumInParts) },
  Mean: { kernel: webgpuKernel('Mean', meanInParts) },
  Slice: {
    kernel: webgpuKernel('Slice', sliceInParts),
    instead: ([x], attributes) => {
      const size = slicedShape(x!, attributes as SliceAttributes)
      return sizeOf(size) > 0 && size.filter((extent, axis) => extent !== x!.shape[axis]).length === 1
    },
  },
  Concat: {
    kernel: webgpuKernel('Concat', concatInParts),
    outputSize: (inputs) => inputs.reduce((total, { shape }) => total + sizeOf(shape), 0),
    instead: (inputs) => inputs.length > 1,
  },
  PadV2: {
    kernel: webgpuKernel('PadV2', padInParts),
    outputSize: ([x], attributes) => sizeOf(paddedShape(x!.shape, (attributes as PadAttributes).paddings)),
  },
  Transpose: {
    kernel: webgpuKernel<'x', object>('Transpose', (context) => {
      const [shape, most] = [context.input('x').shape, 4 * context.bindingElements]
      throw new DeviceError(`transpose of [${shape}]: this WebGPU device binds at most ${most} bytes; transpose slices of it`)
    }),
  },
}

let replaced = false

/** Register them in place of tfjs's. Its backend must have been imported. */
export function cutOversizedTensors(): void {
  if (replaced) return
  replaced = true
  for (const [kernelName, { kernel, outputSize, instead }] of Object.entries(kernels)) {
    const config = tf.getKernel(kernelName, 'webgpu')
    const kernelFunc: tf.KernelFunc = (call) => {
      const backend = call.backend as CasaWebgpuBackend
      const inputs = Object.values(call.inputs) as tf.TensorInfo[]
      const sizes = inputs.map(({ shape }) => sizeOf(shape))
      const largest = Math.max(...sizes, outputSize?.(inputs, call.attrs) ?? 0)
      const isPlain = inputs.every(({ dtype }, i) => sizes[i]! > 0 && (dtype === 'float32' || dtype === 'int32'))
      const isOurs = 4 * largest > backend.bindingBytes || (isPlain && instead?.(inputs, call.attrs))
      return isOurs ? kernel({ ...call, backend })[0]! : config.kernelFunc(call)
    }
    tf.unregisterKernel(kernelName, 'webgpu')
    tf.registerKernel({ ...config, kernelFunc })
  }
}
