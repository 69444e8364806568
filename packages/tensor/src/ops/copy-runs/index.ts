/** Blocks of tensors, and tensors joined along their first axis, as copies of runs of values: a kernel of ours, so that plans know it. */
import * as tf from '@tensorflow/tfjs-core'
import { defineKernel } from '../../engine/kernel.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import type { CasaWebgpuBackend } from '../../engine/webgpu/backend.ts'
import { inputNames, type CopyRunsAttributes, type CopyRunsInputs, type Runs } from './attributes.ts'
import { copyRunsCpu } from './cpu.ts'
import { copyRunsWasm } from './wasm.ts'
import { copyRunsWebgpu } from './webgpu.ts'

const runCopyRuns = /* @__PURE__ */ defineKernel<CopyRunsInputs, CopyRunsAttributes, [copied: Tensor]>('CopyRuns', {
  cpu: copyRunsCpu,
  wasm: copyRunsWasm,
  webgpu: copyRunsWebgpu,
})

/** Each is a dispatch. */
const mostParts = 16

/** The block of x that starts at `begin` and has shape `size`, if it is made of few enough runs. */
export function copyBlock(x: Tensor, begin: number[], size: number[]): Tensor | undefined {
  if (!isCopied(x) || x.rank === 0 || sizeOf(size) === 0) return undefined
  const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)))
  // Trailing axes that are taken whole are contiguous with the last axis that is cut.
  const last = Math.max(
    0,
    size.findLastIndex((count, axis) => count < x.shape[axis]!),
  )
  const width = size[last]! * strides[last]!
  const [count, stride] = last === 0 ? [1, 0] : [size[last - 1]!, strides[last - 1]!]
  const outer = size.slice(0, Math.max(0, last - 1))
  if (sizeOf(outer) > mostParts) return undefined
  const first = begin.reduce((sum, b, axis) => sum + b * strides[axis]!, 0)
  let begins = [first]
  for (const [axis, steps] of outer.entries())
    begins = begins.flatMap((at) => Array.from({ length: steps }, (_, i) => at + i * strides[axis]!))
  const parts = begins.map((at): Runs => ({ from: 0, begin: at, count, width, stride }))
  return runCopyRuns({ a: x }, { parts, shape: size, dtype: x.dtype as 'float32' | 'int32' })[0]
}

/** Tensors joined along their first axis, if they are few and of one dtype. */
export function copyJoined(list: readonly Tensor[]): Tensor | undefined {
  const [first] = list as [Tensor]
  if (list.length > inputNames.length || !list.every((t) => isCopied(t) && t.dtype === first.dtype)) return undefined
  const [, ...inner] = first.shape
  if (list.some((t) => t.shape.slice(1).join() !== inner.join())) return undefined
  const shape = [list.reduce((sum, t) => sum + t.shape[0]!, 0), ...inner]
  if (!fits(sizeOf(shape))) return undefined
  const parts = list.map((t, from): Runs => ({ from, begin: 0, count: 1, width: sizeOf(t.shape), stride: 0 }))
  const inputs = Object.fromEntries(list.map((t, i) => [inputNames[i]!, t])) as { a: Tensor }
  return runCopyRuns(inputs, { parts, shape, dtype: first.dtype as 'float32' | 'int32' })[0]
}

const isCopied = ({ dtype, size }: Tensor): boolean => (dtype === 'float32' || dtype === 'int32') && fits(size)

/** Whether the device binds so many values. */
const fits = (values: number): boolean =>
  tf.getBackend() !== 'webgpu' || 4 * values <= (tf.backend() as CasaWebgpuBackend).bindingBytes
