import { multipliedBlocks, type BlockType } from '@casa-js/base/internal'
import { fewRows, inBytes, runByteProduct, type ByteFormat } from '../../engine/wasm/byte-product.ts'
import { partOf, precision, rowUnit, splitProduct, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type {
  BlockLinearAttributes,
  BlockLinearGradInputs,
  BlockLinearInputs,
  DecompressBlocksAttributes,
  DecompressBlocksInputs,
} from './attributes.ts'

/** Formats as kernels/blocks.ts numbers them. */
const numberOf: Record<BlockType, number> = { Q4_1: 3, Q4_K: 12, Q6_K: 14 }
/** Where kernels take scales and a group: blocks have none. */
const [noScales, noGroup] = [0, 0]

/** Weights [O, D] in blocks. */
export const blockFormat = (type: BlockType, inputs: number): ByteFormat => ({
  rowBytes: (inputs / multipliedBlocks[type].values) * multipliedBlocks[type].bytes,
  ...{ scaleBytes: 0, format: numberOf[type], group: noGroup },
})

export const blockLinearWasm: WasmKernel<BlockLinearInputs, BlockLinearAttributes> = (call, { rows, inputs, outputs, type }) => {
  const [x, blocks, bias] = call.pointers('x', 'blocks', 'bias')
  const y = call.output([...call.input('x').shape.slice(0, -1), outputs])
  const format = blockFormat(type, inputs)
  const { rowBytes } = format
  if (type !== 'Q6_K' && inBytes(inputs)) {
    const from = { identity: call.identity('x'), x, values: blocks, scales: noScales, bias, y }
    return runByteProduct(call, { rows, inputs, outputs, ...from, ...format })
  }
  const inIntegers = rows <= fewRows && !precision.exact
  const { count, unit, part } = splitProduct(rows, outputs, fewRows)
  call.share(inIntegers ? 'blockRows' : 'quantizedMatMul', { count, work: rows * inputs * outputs, unit }, (...range) => {
    const { row, rows, column, columns } = part(...range)
    const from = [partOf(x, row * inputs), partOf(blocks, column * rowBytes, 1)]
    const to = [partOf(bias, column), partOf(y, row * outputs + column)]
    return inIntegers
      ? [
          ...from,
          ...to,
          call.scratch(call.exports.blockRowsScratch(rows, inputs)),
          rows,
          inputs,
          columns,
          numberOf[type],
          outputs,
        ]
      : [
          ...[...from, noScales, ...to, call.scratch(call.exports.quantizedScratch(inputs, columns))],
          ...[rows, inputs, columns, numberOf[type], noGroup, outputs],
        ]
  })
}

export const blockLinearGradWasm: WasmKernel<BlockLinearGradInputs, BlockLinearAttributes> = (call, attributes) => {
  const { rows, inputs, outputs, type } = attributes
  const [dy, blocks] = call.inputs('dy', 'blocks')
  const dx = call.output([...dy.shape.slice(0, -1), inputs])
  call.share('quantizedGrad', { count: rows, work: rows * inputs * outputs, unit: rowUnit }, (begin, count) => [
    ...[partOf(dy.pointer, begin * outputs), blocks.pointer, noScales, partOf(dx, begin * inputs)],
    ...[call.scratch(call.exports.quantizedScratch(inputs, outputs)), count, inputs, outputs, numberOf[type], noGroup],
  ])
}

export const decompressBlocksWasm: WasmKernel<DecompressBlocksInputs, DecompressBlocksAttributes> = (call, attributes) => {
  const { ids, width, type } = attributes
  const out = call.output([ids.length, width])
  call.run('decompressBlockRows', call.input('blocks').pointer, call.moving(ids), out, ids.length, width, numberOf[type])
}
