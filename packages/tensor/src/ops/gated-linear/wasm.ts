import { multipliedBlocks } from '@casa-js/base/internal'
import { runGatedByteProduct } from '../../engine/wasm/byte-product.ts'
import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import { numberOfBlocks } from '../block-linear/wasm.ts'
import type { GatedLinearAttributes, GatedLinearInputs } from './attributes.ts'

export const gatedLinearWasm: WasmKernel<GatedLinearInputs, GatedLinearAttributes> = (call, attributes) => {
  const { inputs, outputs, type, group } = attributes
  const x = call.input('x')
  const [gate, gateScales, gateBias, up, upScales, upBias] = call.pointers(
    ...(['gate', 'gateScales', 'gateBias', 'up', 'upScales', 'upBias'] as const),
  )
  const lie =
    type === 'int4'
      ? { format: 4, rowBytes: inputs / 2, scaleBytes: 2 * Math.ceil(inputs / group) }
      : {
          format: numberOfBlocks[type],
          rowBytes: (inputs / multipliedBlocks[type].values) * multipliedBlocks[type].bytes,
          scaleBytes: 0,
        }
  runGatedByteProduct(call, {
    ...{ ...attributes, ...lie, identity: call.identity('x'), x: x.pointer },
    gate: { values: gate, scales: gateScales, bias: gateBias },
    up: { values: up, scales: upScales, bias: upBias },
    y: call.output([...x.shape.slice(0, -1), outputs]),
  })
}
