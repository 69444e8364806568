import { partOf, rowUnit, splitProduct, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'

/** Up to this many rows, every row of the weight is read once for all of them (half.ts). */
const fewRows = { bf16: 6, f16: 3 }

export const halfLinearWasm: WasmKernel<HalfLinearInputs, HalfLinearAttributes> = (call, { rows, inputs, outputs, format }) => {
  const [x, halves, bias] = call.pointers('x', 'halves', 'bias')
  const y = call.output([...call.input('x').shape.slice(0, -1), outputs])
  const f16 = Number(format === 'f16')
  const { count, unit, part } = splitProduct(rows, outputs, fewRows[format])
  call.share('halfMatMul', { count, work: rows * inputs * outputs, unit }, (...range) => {
    const { row, rows, column, columns } = part(...range)
    return [
      ...[partOf(x, row * inputs), partOf(halves, column * inputs, 2), partOf(bias, column), partOf(y, row * outputs + column)],
      ...[rows, inputs, columns, f16, outputs, call.scratch(call.exports.halfMatMulScratch(rows, inputs, columns, f16))],
    ]
  })
}

export const halfLinearGradWasm: WasmKernel<HalfLinearGradInputs, HalfLinearAttributes> = (call, attributes) => {
  const { rows, inputs, outputs, format } = attributes
  const [dy, halves] = call.inputs('dy', 'halves')
  const dx = call.output([...dy.shape.slice(0, -1), inputs])
  call.share('halfMatMulGrad', { count: rows, work: rows * inputs * outputs, unit: rowUnit }, (begin, count) => [
    ...[partOf(dy.pointer, begin * outputs), halves.pointer, partOf(dx, begin * inputs)],
    ...[count, inputs, outputs, Number(format === 'f16'), call.scratch(call.exports.matMulScratch(inputs, outputs))],
  ])
}
