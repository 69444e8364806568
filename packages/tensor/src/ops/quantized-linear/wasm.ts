import { fewRows, inBytes, int4Format, runByteProduct } from '../../engine/wasm/byte-product.ts'
import { partOf, precision, rowUnit, splitProduct, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'

export const quantizedLinearWasm: WasmKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const { exports } = context
  const [x, values, scales, bias] = context.pointers('x', 'values', 'scales', 'bias')
  const y = context.output([...context.input('x').shape.slice(0, -1), outputs])
  if (bits === 4 && inBytes(inputs)) {
    const from = { identity: context.identity('x'), x, values, scales, bias, y }
    return runByteProduct(context, { ...attributes, ...from, ...int4Format(inputs, group) })
  }
  const groups = Math.ceil(inputs / group)
  const rowBytes = 4 * Math.ceil((inputs * bits) / 32)
  const inIntegers = rows <= fewRows && inputs % 32 === 0 && !precision.exact
  const { count, unit, part } = splitProduct(rows, outputs, fewRows)
  context.share(inIntegers ? 'quantizedRows' : 'quantizedMatMul', { count, work: rows * inputs * outputs, unit }, (...range) => {
    const { row, rows, column, columns } = part(...range)
    return [
      ...[
        partOf(x, row * inputs),
        partOf(values, column * rowBytes, 1),
        partOf(scales, column * groups, 2),
        partOf(bias, column),
      ],
      partOf(y, row * outputs + column),
      context.scratch(inIntegers ? exports.quantizedRowsScratch(rows, inputs) : exports.quantizedScratch(inputs, columns)),
      ...[rows, inputs, columns, bits, group, outputs],
    ]
  })
}

export const quantizedLinearGradWasm: WasmKernel<QuantizedLinearGradInputs, QuantizedLinearAttributes> = (
  context,
  attributes,
) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const dy = context.input('dy')
  const [values, scales] = context.pointers('values', 'scales')
  const dx = context.output([...dy.shape.slice(0, -1), inputs])
  context.share('quantizedGrad', { count: rows, work: rows * inputs * outputs, unit: rowUnit }, (begin, count) => [
    ...[partOf(dy.pointer, begin * outputs), values, scales, partOf(dx, begin * inputs)],
    ...[context.scratch(context.exports.quantizedScratch(inputs, outputs)), count, inputs, outputs, bits, group],
  ])
}
