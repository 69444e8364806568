import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'

/** Outputs whose weights are widened together: a panel of that many rows of floats. */
const panelRows = 4

export const quantizedLinearWasm: WasmKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits, group } = attributes
  const [x, values, scales, bias] = context.pointers('x', 'values', 'scales', 'bias')
  const y = context.output([...context.input('x').shape.slice(0, -1), outputs])
  if (rows === 1 && inputs % 32 === 0) {
    const parts = context.scratch(4 * inputs)
    const groups = context.scratch(8 * Math.ceil(inputs / group))
    context.exports.quantizedRow(x, values, scales, bias, y, parts, groups, inputs, outputs, bits, group)
  } else {
    const panel = context.scratch(panelRows * inputs * 4)
    context.exports.quantizedMatMul(x, values, scales, bias, y, panel, rows, inputs, outputs, bits, group, strideOf(attributes))
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
  const panel = context.scratch(panelRows * inputs * 4)
  context.exports.quantizedGrad(dy.pointer, values, scales, dx, panel, rows, inputs, outputs, bits, group, strideOf(attributes))
}

/** Bytes of a compressed row: whole words. */
const strideOf = ({ inputs, bits }: QuantizedLinearAttributes) => 4 * Math.ceil((inputs * bits) / 32)
