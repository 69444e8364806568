import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { HalfLinearAttributes } from './index.ts'

export const halfLinearWasm: WasmKernel<HalfLinearAttributes> = (call, { rows, inputs, outputs, format }) => {
  const [x, packed, bias] = ['x', 'packed', 'bias'].map((name) => call.input(name).pointer)
  const y = call.output([...call.input('x').shape.slice(0, -1), outputs])
  const f16 = Number(format === 'f16')
  const scratch = call.scratch(call.exports.halfMatMulScratch(rows, inputs, outputs, f16))
  call.exports.halfMatMul(x, packed, bias, y, rows, inputs, outputs, f16, scratch)
}

export const halfLinearGradWasm: WasmKernel<HalfLinearAttributes> = (call, { rows, inputs, outputs, format }) => {
  const dy = call.input('dy')
  const dx = call.output([...dy.shape.slice(0, -1), inputs])
  const scratch = call.scratch(call.exports.matMulScratch(inputs, outputs))
  call.exports.halfMatMulGrad(
    dy.pointer,
    call.input('packed').pointer,
    dx,
    rows,
    inputs,
    outputs,
    Number(format === 'f16'),
    scratch,
  )
}
