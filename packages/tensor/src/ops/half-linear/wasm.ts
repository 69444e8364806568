import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'

/** Threads are given rows in multiples of this: whole tiles of either height. */
const unit = 24

/** Up to this many rows, every row of the weight is read once for all of them (half.ts). */
const fewRows = { bf16: 6, f16: 3 }

/** Work is split over threads by rows; by outputs if there are few. */
export const halfLinearWasm: WasmKernel<HalfLinearInputs, HalfLinearAttributes> = (call, { rows, inputs, outputs, format }) => {
  const [x, halves, bias] = call.pointers('x', 'halves', 'bias')
  const y = call.output([...call.input('x').shape.slice(0, -1), outputs])
  const f16 = Number(format === 'f16')
  const work = rows * inputs * outputs
  const scratch = (rows: number, outputs: number) => call.scratch(call.exports.halfMatMulScratch(rows, inputs, outputs, f16))
  if (rows <= fewRows[format]) {
    call.share('halfMatMul', { count: outputs, work }, (begin, count) => [
      ...[x, partOf(halves, begin * inputs, 2), partOf(bias, begin), partOf(y, begin)],
      ...[rows, inputs, count, f16, outputs, scratch(rows, count)],
    ])
  } else {
    call.share('halfMatMul', { count: rows, work, unit }, (begin, count) => [
      ...[partOf(x, begin * inputs), halves, bias, partOf(y, begin * outputs)],
      ...[count, inputs, outputs, f16, outputs, scratch(count, outputs)],
    ])
  }
}

export const halfLinearGradWasm: WasmKernel<HalfLinearGradInputs, HalfLinearAttributes> = (call, attributes) => {
  const { rows, inputs, outputs, format } = attributes
  const [dy, halves] = call.inputs('dy', 'halves')
  const dx = call.output([...dy.shape.slice(0, -1), inputs])
  call.share('halfMatMulGrad', { count: rows, work: rows * inputs * outputs, unit }, (begin, count) => [
    ...[partOf(dy.pointer, begin * outputs), halves.pointer, partOf(dx, begin * inputs)],
    ...[count, inputs, outputs, Number(format === 'f16'), call.scratch(call.exports.matMulScratch(inputs, outputs))],
  ])
}
