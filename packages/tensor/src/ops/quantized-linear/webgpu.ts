/**
 * y = x Wᵀ + bias and dx = dy W, with W decompressed value by value as it is read.
 *
 * One program for few rows (decoding), where an invocation takes whole words; matMul's tiled program for the rest. In both, a is
 * x or dy, b the compressed values (strideB and offsetB count words), c is y or dx.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools, WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { widen } from '../../engine/webgpu/halves.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { biasOf, cutProduct, dispatchOf, rangeOf } from '../matmul/webgpu-cuts.ts'
import { eachRow, fewRows } from '../matmul/webgpu-few-rows.ts'
import { accessA, store, tiledProduct, tileFor, uniforms as productUniforms } from '../matmul/webgpu-programs.ts'
import { fourA, groupsOf, vectorProduct, vectorTileFor, type VectorTile } from '../matmul/webgpu-vectors.ts'
import type { QuantizedLinearAttributes, QuantizedLinearGradInputs, QuantizedLinearInputs } from './attributes.ts'

/** offsetScales: index, in 16-bit halves, of the first scale in its range. */
const uniforms = { ...productUniforms, scalesPerRow: 'u32', groupSize: 'u32', offsetScales: 'u32' } as const
type QuantizedProgram = Program<'a' | 'b' | 'scales' | 'bias' | 'c', keyof typeof uniforms>

/** The weight at output o, input d. Shifting up and down again extends the sign. */
const decompress = (bits: number): string => `${widen.f16}
fn scaleAt(o: u32, d: u32) -> f32 {
  let at = o * u.scalesPerRow + d / u.groupSize + u.offsetScales;
  return bitcast<f32>(widen((scales[at / 2u] >> (16u * (at % 2u))) & 0xffffu));
}
fn quantized(word: i32, place: u32) -> f32 { return f32((word << (${32 - bits}u - ${bits}u * place)) >> ${32 - bits}u); }
fn weightAt(o: u32, d: u32) -> f32 {
  return quantized(b[o * u.strideB + d / ${32 / bits}u + u.offsetB], d % ${32 / bits}u) * scaleAt(o, d);
}`

const declared = (hasBias: boolean) =>
  ({ inputs: { a: 'f32', b: 'i32', scales: 'u32', bias: hasBias && 'f32' }, outputs: { c: 'f32' }, uniforms }) as const

/** For rows of whole words. Four weights lie in one word, and have one scale. */
const vectorTileProgram = variants((tile: VectorTile, bits: number, hasBias: boolean): QuantizedProgram => {
  const { lanes, declarations, body } = vectorProduct(tile)
  const perWord = 32 / bits
  const shifts = [0, 1, 2, 3].map((place) => `${32 - bits - bits * place}u`).join(', ')
  return defineProgram({
    ...declared(hasBias),
    inputs: { ...declared(hasBias).inputs, a: 'vec4<f32>' },
    name: `quantizedLinear ${bits} ${tile} vectors`,
    lanes,
    declarations: `${declarations} ${fourA} ${decompress(bits)} ${store(hasBias)}
fn fourB(n: u32, v: u32) -> vec4f {
  if (n >= u.columns || 4u * v >= u.depth) { return vec4f(); }
  let word = vec4i(b[n * u.strideB + 4u * v / ${perWord}u + u.offsetB]);
  let shift = vec4u(${shifts}) - vec4u(${bits}u * (4u * v % ${perWord}u));
  return scaleAt(n, 4u * v) * vec4f((word << shift) >> vec4u(${32 - bits}u));
}`,
    body,
  })
})

/** transposed: for the gradient, which sums over outputs. */
const tileProgram = variants((tile: number, bits: number, transposed: boolean, hasBias: boolean): QuantizedProgram => {
  const { lanes, declarations, body } = tiledProduct(tile, true, !transposed)
  return defineProgram({
    ...declared(hasBias),
    name: `quantizedLinear ${bits} ${transposed ? 'gradient ' : ''}${tile}`,
    lanes,
    declarations: `${declarations} ${accessA(false)} ${decompress(bits)} ${store(hasBias)}
fn atB(k: u32, n: u32) -> f32 {
  if (k >= u.depth || n >= u.columns) { return 0.0; }
  return ${transposed ? 'weightAt(k, n)' : 'weightAt(n, k)'};
}`,
    body,
  })
})

const dotLanes = 64

/** One to four rows, one output per workgroup. A word lies within one group of weights, so its scale is applied once. */
const dotProgram = variants((rows: number, bits: number, hasBias: boolean): QuantizedProgram => {
  const perWord = 32 / bits
  return defineProgram({
    ...declared(hasBias),
    name: `quantizedLinear ${bits}, ${rows} rows`,
    lanes: dotLanes,
    reductions: ['sumOfGroup4'],
    declarations: `${accessA(false)} ${decompress(bits)} ${store(hasBias)}`,
    body: `
  var sum = vec4f();
  for (var w = lane; w < u.strideB; w += ${dotLanes}u) {
    let word = b[group * u.strideB + w + u.offsetB];
    let d = w * ${perWord}u;
    var products = vec4f();
    for (var i = 0u; i < ${perWord}u; i++) {
      let q = quantized(word, i);
      ${eachRow(rows, (m, component) => `products.${component} += q * atA(${m}u, d + i);`)}
    }
    sum += products * scaleAt(group, d);
  }
  let all = sumOfGroup4(sum, lane);
  if (lane == 0u) { ${eachRow(rows, (m, component) => `store(${m}u, group, all.${component});`)} }`,
  })
})

export const quantizedLinearWebgpu: WebgpuKernel<QuantizedLinearInputs, QuantizedLinearAttributes> = (context, attributes) => {
  const x = context.input('x')
  const y = context.output([...x.shape.slice(0, -1), attributes.outputs])
  const [values, scales] = context.inputs('values', 'scales')
  product(context, { a: x, c: y, values, scales, bias: context.optional('bias') }, attributes, false)
  return [y]
}

export const quantizedLinearGradWebgpu: WebgpuKernel<QuantizedLinearGradInputs, QuantizedLinearAttributes> = (
  context,
  attributes,
) => {
  const dy = context.input('dy')
  const dx = context.output([...dy.shape.slice(0, -1), attributes.inputs])
  const [values, scales] = context.inputs('values', 'scales')
  product(context, { a: dy, c: dx, values, scales, bias: undefined }, attributes, true)
  return [dx]
}

interface Operands extends Record<'a' | 'c' | 'values' | 'scales', tf.TensorInfo> {
  bias: tf.TensorInfo | undefined
}

/**
 * transposed: for the gradient. Tensors larger than one binding are cut as in matMul, except that rows of the compressed weight, and
 * what they are multiplied with, stay whole.
 */
function product(
  context: WebgpuTools,
  { a, c, values, scales, bias: given }: Operands,
  attributes: QuantizedLinearAttributes,
  transposed: boolean,
): void {
  const { rows: M, inputs, outputs, bits, group } = attributes
  const [N, K] = transposed ? [inputs, outputs] : [outputs, inputs]
  if (M * N === 0) return
  const bias = biasOf(context, given)
  const most = context.bindingElements
  const ofWeight = { line: transposed ? 'depth' : 'columns', across: undefined } as const
  const matrices = {
    a: { tensor: a, line: 'rows', across: transposed ? 'depth' : undefined, stride: K, most },
    b: { tensor: values, ...ofWeight, stride: Math.ceil((inputs * bits) / 32), most },
    c: { tensor: c, line: 'rows', across: transposed ? undefined : 'columns', stride: N, most },
  } as const
  const linesOfScales = { ...ofWeight, stride: Math.ceil(inputs / group), most: 2 * most }
  for (const part of cutProduct({ rows: M, columns: N, depth: K }, [...Object.values(matrices), linesOfScales])) {
    const { bindings, uniforms } = dispatchOf(part, matrices, bias)
    const [rows, columns] = [part.rows.count, part.columns.count]
    const { program, groups } = choose(rows, columns, attributes, transposed, bias !== undefined)
    const { range, offset } = rangeOf(scales, linesOfScales, part, 2)
    const ofScales = { scalesPerRow: linesOfScales.stride, groupSize: group, offsetScales: offset }
    context.run(program, { ...bindings, scales: range }, { ...uniforms, ...ofScales }, groups)
  }
}

function choose(
  rows: number,
  columns: number,
  { bits, inputs }: QuantizedLinearAttributes,
  transposed: boolean,
  hasBias: boolean,
): { program: QuantizedProgram; groups: number } {
  if (rows <= fewRows && !transposed) return { program: dotProgram(rows, bits, hasBias), groups: columns }
  if (!transposed && inputs % (32 / bits) === 0) {
    const tile = vectorTileFor(rows, columns)
    return { program: vectorTileProgram(tile, bits, hasBias), groups: groupsOf(tile, rows, columns) }
  }
  const tile = tileFor(rows, columns)
  return { program: tileProgram(tile, bits, transposed, hasBias), groups: groupsOf(tile, rows, columns) }
}
