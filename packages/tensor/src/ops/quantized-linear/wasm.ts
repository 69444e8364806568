import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'

/** Outputs whose weights are widened together: a panel of this many rows of floats. */
const panelRows = 4
/** Threads are given rows in multiples of this: whole tiles. */
const unit = 8

/** Work is split over threads by rows; by outputs if there is one row. */
export const quantizedLinearWasm: WasmKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const [x, values, scales, bias] = context.pointers('x', 'values', 'scales', 'bias')
  const y = context.output([...context.input('x').shape.slice(0, -1), outputs])
  const work = rows * inputs * outputs
  const stride = strideOf(attributes)
  if (rows === 1 && inputs % 32 === 0) {
    const groups = Math.ceil(inputs / group)
    context.share('quantizedRow', { count: outputs, work }, (begin, count) => [
      ...[x, partOf(values, begin * stride, 1), partOf(scales, begin * groups, 2), partOf(bias, begin), partOf(y, begin)],
      ...[context.scratch(4 * inputs), context.scratch(8 * groups), inputs, count, bits, group],
    ])
  } else {
    context.share('quantizedMatMul', { count: rows, work, unit }, (begin, count) => [
      ...[partOf(x, begin * inputs), values, scales, bias, partOf(y, begin * outputs)],
      ...[context.scratch(panelRows * inputs * 4), count, inputs, outputs, bits, group, stride],
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
    ...[context.scratch(panelRows * inputs * 4), count, inputs, outputs, bits, group, strideOf(attributes)],
  ])
}

/** Bytes of a compressed row: whole words. */
const strideOf = ({ inputs, bits }: QuantizedLinearAttributes) => 4 * Math.ceil((inputs * bits) / 32)
