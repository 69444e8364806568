import { int4Format, runGatedByteProduct } from '../../engine/wasm/byte-product.ts'
import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import { blockFormat } from '../block-linear/wasm.ts'
import type { GatedLinearAttributes, GatedLinearInputs } from './attributes.ts'

export const gatedLinearWasm: WasmKernel<GatedLinearInputs, GatedLinearAttributes> = (call, attributes) => {
  const { inputs, outputs, type, group } = attributes
  const x = call.input('x')
  const [gate, gateScales, gateBias, up, upScales, upBias] = call.pointers(
    ...(['gate', 'gateScales', 'gateBias', 'up', 'upScales', 'upBias'] as const),
  )
  const format = type === 'int4' ? int4Format(inputs, group) : blockFormat(type, inputs)
  runGatedByteProduct(call, {
    ...{ ...attributes, ...format, identity: call.identity('x'), x: x.pointer },
    gate: { values: gate, scales: gateScales, bias: gateBias },
    up: { values: up, scales: upScales, bias: upBias },
    y: call.output([...x.shape.slice(0, -1), outputs]),
  })
}
