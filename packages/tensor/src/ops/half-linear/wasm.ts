import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { HalfLinearAttributes, HalfLinearGradInputs, HalfLinearInputs } from './attributes.ts'

export const halfLinearWasm: WasmKernel<HalfLinearInputs, HalfLinearAttributes> = (call, { rows, inputs, outputs, format }) => {
  const [x, halves, bias] = call.pointers('x', 'halves', 'bias')
  const y = call.output([...call.input('x').shape.slice(0, -1), outputs])
  const f16 = Number(format === 'f16')
  const scratch = call.scratch(call.exports.halfMatMulScratch(rows, inputs, outputs, f16))
  call.exports.halfMatMul(x, halves, bias, y, rows, inputs, outputs, f16, scratch)
}

export const halfLinearGradWasm: WasmKernel<HalfLinearGradInputs, HalfLinearAttributes> = (
  call,
  { rows, inputs, outputs, format },
) => {
  const dy = call.input('dy')
  const dx = call.output([...dy.shape.slice(0, -1), inputs])
  const scratch = call.scratch(call.exports.matMulScratch(inputs, outputs))
  call.exports.halfMatMulGrad(
    dy.pointer,
    call.input('halves').pointer,
    dx,
    rows,
    inputs,
    outputs,
    Number(format === 'f16'),
    scratch,
  )
}
