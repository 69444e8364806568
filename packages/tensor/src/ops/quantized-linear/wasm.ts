import { partOf, precision, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'

/** Threads are given rows in multiples of this: whole tiles of either height. */
const unit = 24
/** Up to this many rows, integer products that read the weight once are faster than widening it. */
const fewRows = 6

/** Work is split over threads by rows; by outputs if there are few rows. */
export const quantizedLinearWasm: WasmKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const [x, values, scales, bias] = context.pointers('x', 'values', 'scales', 'bias')
  const y = context.output([...context.input('x').shape.slice(0, -1), outputs])
  const work = rows * inputs * outputs
  if (rows <= fewRows && inputs % 32 === 0 && !precision.exact) {
    const groups = Math.ceil(inputs / group)
    const stride = (inputs * bits) / 8
    context.share('quantizedRows', { count: outputs, work }, (begin, count) => [
      ...[x, partOf(values, begin * stride, 1), partOf(scales, begin * groups, 2), partOf(bias, begin), partOf(y, begin)],
      context.scratch(context.exports.quantizedRowsScratch(rows, inputs)),
      ...[rows, inputs, count, bits, group, outputs],
    ])
  } else {
    context.share('quantizedMatMul', { count: rows, work, unit }, (begin, count) => [
      ...[partOf(x, begin * inputs), values, scales, bias, partOf(y, begin * outputs)],
      ...[context.scratch(context.exports.quantizedScratch(inputs, outputs)), count, inputs, outputs, bits, group],
    ])
  }
}

export const quantizedLinearGradWasm: WasmKernel<QuantizedLinearGradInputs, QuantizedLinearAttributes> = (
  context,
  attributes,
) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const dy = context.input('dy')
  const [values, scales] = context.pointers('values', 'scales')
  const dx = context.output([...dy.shape.slice(0, -1), inputs])
  context.share('quantizedGrad', { count: rows, work: rows * inputs * outputs, unit }, (begin, count) => [
    ...[partOf(dy.pointer, begin * outputs), values, scales, partOf(dx, begin * inputs)],
    ...[context.scratch(context.exports.quantizedScratch(inputs, outputs)), count, inputs, outputs, bits, group],
  ])
}
