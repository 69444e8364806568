/**
 * slice, concat and pad in as many dispatches as the binding size requires: copies of blocks between a tensor and a larger one.
 *
 * Along one axis, with `outer` lines before it and `inner` elements per step, a block of the larger tensor is a run of
 * size * inner elements every extent * inner. The target index grows with the source index, so a run of the smaller
 * tensor always lies in one range of the larger. Values are copied as bits, whatever their dtype.
 */
import { DeviceError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../tensor.ts'
import { defineProgram } from './program.ts'
import { rangeAlignment, rangeFrom } from './cuts.ts'
import type { WebgpuTools, WebgpuKernel } from './kernel.ts'

const lanes = 256

type DType = 'float32' | 'int32'

const define = <I extends 'small' | 'large', O extends 'small' | 'large'>(name: string, input: I, output: O) =>
  defineProgram({
    name,
    inputs: { [input]: 'u32' } as Record<I, 'u32'>,
    outputs: { [output]: 'u32' } as Record<O, 'u32'>,
    uniforms: { count: 'u32', first: 'u32', run: 'u32', stride: 'u32', begin: 'u32', base: 'u32', offset: 'u32' },
    lanes,
    body: `
  let i = group * ${lanes}u + lane;
  if (i >= u.count) { return; }
  let at = u.first + i;
  let inSmall = i + u.offset;
  let inLarge = at / u.run * u.stride + at % u.run + u.begin - u.base;
  ${output}[${output === 'small' ? 'inSmall' : 'inLarge'}] = ${input}[${input === 'small' ? 'inSmall' : 'inLarge'}];`,
  })

const programs = { take: define('take a block', 'large', 'small'), put: define('put a block', 'small', 'large') }

/** The block [begin, begin + size of small) of an axis of `large`. `take` copies it into `small`, `put` the other way. */
function move(
  context: WebgpuTools,
  how: 'take' | 'put',
  small: tf.TensorInfo,
  large: tf.TensorInfo,
  axis: number,
  begin: number,
): void {
  const inner = sizeOf(large.shape.slice(axis + 1))
  const [run, stride] = [small.shape[axis]! * inner, large.shape[axis]! * inner]
  const place = (at: number) => Math.floor(at / run) * stride + (at % run) + begin * inner
  const most = context.bindingElements - rangeAlignment
  const size = sizeOf(small.shape)
  for (let first = 0, count: number; first < size; first += count) {
    count = Math.min(size - first, most)
    const span = () => place(first + count - 1) - place(first) + 1
    while (span() > most) count = Math.ceil(count / 2)
    const [inSmall, inLarge] = [rangeFrom(small, first, count), rangeFrom(large, place(first), span())]
    const base = place(first) - inLarge.offset
    const uniforms = { count, first, run, stride, begin: begin * inner, base, offset: inSmall.offset }
    context.run(programs[how], { small: inSmall.range, large: inLarge.range }, uniforms, Math.ceil(count / lanes))
  }
}

export interface SliceAttributes {
  begin: number | number[]
  size: number | number[]
}

export const slicedShape = (x: tf.TensorInfo, { begin, size }: SliceAttributes): number[] =>
  tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size)[1]!

/** Axis by axis, the first one first. */
export const sliceInParts: WebgpuKernel<'x', SliceAttributes> = (context, attributes) => {
  const x = context.input('x')
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attributes.begin, attributes.size) as [number[], number[]]
  return [alongAxes(context, x, size, (axis, from, to) => move(context, 'take', to, from, axis, begin[axis]!))]
}

export interface PadAttributes {
  paddings: [before: number, after: number][]
  constantValue: number
}

export const paddedShape = (shape: number[], paddings: PadAttributes['paddings']): number[] =>
  shape.map((extent, axis) => extent + paddings[axis]![0] + paddings[axis]![1])

/** @throws DeviceError if padded with anything but zeros. */
export const padInParts: WebgpuKernel<'x', PadAttributes> = (context, { paddings, constantValue }) => {
  if (constantValue !== 0) throw new DeviceError(`pad with ${constantValue}: beyond one binding only zeros can be added`)
  const x = context.input('x')
  const pad = (axis: number, from: tf.TensorInfo, to: tf.TensorInfo) => {
    context.clear(to)
    move(context, 'put', from, to, axis, paddings[axis]![0])
  }
  return [alongAxes(context, x, paddedShape(x.shape, paddings), pad)]
}

/** Copies x into another shape, one differing axis after the other; intermediate tensors are scratch. */
function alongAxes(
  context: WebgpuTools,
  x: tf.TensorInfo,
  shape: number[],
  step: (axis: number, from: tf.TensorInfo, to: tf.TensorInfo) => void,
): tf.TensorInfo {
  const axes = shape.flatMap((extent, axis) => (extent === x.shape[axis] ? [] : [axis]))
  const dtype = x.dtype as DType
  const output = context.output(shape, dtype)
  if (axes.length === 0) context.copy(x, output, 0, sizeOf(shape))
  let from = x
  for (const axis of axes) {
    const to = axis === axes.at(-1) ? output : context.scratch(from.shape.with(axis, shape[axis]!), dtype)
    step(axis, from, to)
    from = to
  }
  return output
}

/** Joins the numbered inputs along an axis. */
export const concatInParts: WebgpuKernel<`${number}?`, { axis: number }> = (context, { axis: given }) => {
  const parts: tf.TensorInfo[] = []
  for (let part; (part = context.optional(`${parts.length}`));) parts.push(part)
  const { shape, dtype } = parts[0]!
  const [axis] = tf.util.parseAxisParam(given, shape) as [number]
  const extent = parts.reduce((total, part) => total + part.shape[axis]!, 0)
  const output = context.output(shape.with(axis, extent), dtype as DType)
  let begin = 0
  for (const part of parts) {
    move(context, 'put', part, output, axis, begin)
    begin += part.shape[axis]!
  }
  return [output]
}
