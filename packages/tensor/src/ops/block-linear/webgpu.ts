/**
 * y = x Wᵀ + bias and dx = dy W, with W in GGUF's blocks, read as they lie: each weight once for one to four rows (decoding), by matMul's
 * tiled program for the rest. a is x or dy, b the blocks (strideB and offsetB count halves of words), c is y or dx.
 */
import type { BlockType } from '@casa-js/base/internal'
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuKernel, WebgpuTools } from '../../engine/webgpu/kernel.ts'
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { biasOf, cutProduct, dispatchOf } from '../matmul/webgpu-cuts.ts'
import { eachRow, fewRows } from '../matmul/webgpu-few-rows.ts'
import { accessA, store, tiledProduct, tileFor, uniforms, type MatMulProgram } from '../matmul/webgpu-programs.ts'
import { sizeOf } from '../../engine/tensor.ts'
import type {
  BlockLinearAttributes,
  BlockLinearGradInputs,
  BlockLinearInputs,
  DecompressBlocksAttributes,
  DecompressBlocksInputs,
} from './attributes.ts'
import { blockFunctions, halvesPerRow, unitsPerRow, vectorsOfUnit, widenHalf } from './webgpu-blocks.ts'

const readB = (type: BlockType): string => `${widenHalf}\n${blockFunctions(type, { buffer: 'b' })}`

/** transposed: for the gradient, which sums over outputs. */
const tileProgram = variants((tile: number, type: BlockType, transposed: boolean, hasBias: boolean): MatMulProgram => {
  const { lanes, declarations, body } = tiledProduct(tile, true, !transposed)
  const [o, d] = transposed ? ['k', 'n'] : ['n', 'k']
  return defineProgram({
    name: `blockLinear ${type} ${transposed ? 'gradient ' : ''}${tile}`,
    inputs: { a: 'f32', b: 'u32', bias: hasBias && 'f32' },
    outputs: { c: 'f32' },
    uniforms,
    lanes,
    declarations: `${declarations} ${accessA(false)} ${readB(type)} ${store(hasBias)}
fn atB(k: u32, n: u32) -> f32 {
  if (k >= u.depth || n >= u.columns) { return 0.0; }
  return valueAt(${o} * u.strideB + u.offsetB, ${d});
}`,
    body,
  })
})

const dotLanes = 64

/** One to four rows, one output per workgroup. */
const dotProgram = variants((rows: number, type: BlockType, hasBias: boolean) =>
  defineProgram({
    name: `blockLinear ${type}, ${rows} rows`,
    inputs: { a: 'vec4<f32>', b: 'u32', bias: hasBias && 'f32' },
    outputs: { c: 'f32' },
    uniforms: { ...uniforms, units: 'u32' } as const,
    lanes: dotLanes,
    reductions: ['sumOfGroup4'],
    declarations: `${readB(type)} ${store(hasBias)}`,
    body: `
  var sum = vec4f();
  for (var k = lane; k < u.units; k += ${dotLanes}u) {
    let weights = unitAt(group * u.strideB + u.offsetB, k);
    ${vectorsOfUnit(type)
      .map(
        (vector, i) => `
    let at${i} = ${vector} + u.offsetA / 4u;
    ${eachRow(rows, (m, component) => `sum.${component} += dot(weights[${i}], a[${m}u * u.strideA / 4u + at${i}]);`)}`,
      )
      .join('')}
  }
  let all = sumOfGroup4(sum, lane);
  if (lane == 0u) { ${eachRow(rows, (m, component) => `store(${m}u, group, all.${component});`)} }`,
  }),
)

export const blockLinearWebgpu: WebgpuKernel<BlockLinearInputs, BlockLinearAttributes> = (context, attributes) => {
  const [x, blocks] = context.inputs('x', 'blocks')
  const y = context.output([...x.shape.slice(0, -1), attributes.outputs])
  product(context, { a: x, c: y, blocks, bias: context.optional('bias') }, attributes, false)
  return [y]
}

export const blockLinearGradWebgpu: WebgpuKernel<BlockLinearGradInputs, BlockLinearAttributes> = (context, attributes) => {
  const [dy, blocks] = context.inputs('dy', 'blocks')
  const dx = context.output([...dy.shape.slice(0, -1), attributes.inputs])
  product(context, { a: dy, c: dx, blocks, bias: undefined }, attributes, true)
  return [dx]
}

interface Operands extends Record<'a' | 'c' | 'blocks', tf.TensorInfo> {
  bias: tf.TensorInfo | undefined
}

/** Tensors larger than one binding are cut as in matMul, except that rows of the weight, and what they are multiplied with, stay whole. */
function product(
  context: WebgpuTools,
  { a, c, blocks, bias: given }: Operands,
  { rows: M, inputs, outputs, type }: BlockLinearAttributes,
  transposed: boolean,
): void {
  const [N, K] = transposed ? [inputs, outputs] : [outputs, inputs]
  if (M * N === 0) return
  const bias = biasOf(context, given)
  const most = context.bindingElements
  const ofBlocks = { across: undefined, stride: halvesPerRow(type, inputs), most: 2 * most, perWord: 2 } as const
  const matrices = {
    a: { tensor: a, line: 'rows', across: transposed ? 'depth' : undefined, stride: K, most },
    b: { tensor: blocks, line: transposed ? 'depth' : 'columns', ...ofBlocks },
    c: { tensor: c, line: 'rows', across: transposed ? undefined : 'columns', stride: N, most },
  } as const
  for (const part of cutProduct({ rows: M, columns: N, depth: K }, Object.values(matrices))) {
    const { bindings, uniforms } = dispatchOf(part, matrices, bias)
    const [rows, columns] = [part.rows.count, part.columns.count]
    const hasBias = bias !== undefined
    if (rows <= fewRows && !transposed) {
      const units = unitsPerRow(type, inputs)
      context.run(dotProgram(rows, type, hasBias), bindings, { ...uniforms, units }, columns)
    } else {
      const tile = tileFor(rows, columns)
      const groups = Math.ceil(rows / tile) * Math.ceil(columns / tile)
      context.run(tileProgram(tile, type, transposed, hasBias), bindings, uniforms, groups)
    }
  }
}

const rowLanes = 128

/** One row of the result per workgroup. A matrix larger than one binding is read in parts; each part writes the rows that it holds. */
const rowsProgram = variants((type: BlockType) =>
  defineProgram({
    name: `decompressBlocks ${type}`,
    inputs: { b: 'u32', ids: 'i32' },
    outputs: { decompressed: 'f32' },
    uniforms: { width: 'u32', halves: 'u32', begin: 'i32', end: 'i32' },
    lanes: rowLanes,
    declarations: readB(type),
    body: `
  let id = ids[group];
  let missing = id < 0 && u.begin == 0;
  if (!missing && (id < u.begin || id >= u.end)) { return; }
  for (var d = lane; d < u.width; d += ${rowLanes}u) {
    var value = 0.0;
    if (!missing) { value = valueAt(u32(id - u.begin) * u.halves, d); }
    decompressed[group * u.width + d] = value;
  }`,
  }),
)

export const decompressBlocksWebgpu: WebgpuKernel<DecompressBlocksInputs, DecompressBlocksAttributes> = (context, attributes) => {
  const { ids, width, type } = attributes
  const blocks = context.input('blocks')
  const decompressed = context.output([ids.length, width])
  if (ids.length * width === 0) return [decompressed]
  const uploaded = context.upload(ids)
  const halves = halvesPerRow(type, width)
  const total = sizeOf(blocks.shape)
  const split = { rows: ids.length, perRow: { ids: 1, decompressed: width } }
  // Two rows always fill whole words.
  for (const { begin, count } of context.cut(Math.ceil(total / halves), halves)) {
    const part = { tensor: blocks, begin: begin * halves, length: Math.min(count * halves, total - begin * halves) }
    const uniforms = { width, halves, begin: 2 * begin, end: 2 * (begin + count) }
    context.runRows(rowsProgram(type), { b: part, ids: uploaded, decompressed }, uniforms, split)
  }
  return [decompressed]
}
