/**
 * y = x Wᵀ + bias and dx = dy W, with W unpacked value by value as it is used.
 *
 * One program for few rows (decoding), where an invocation takes whole words; tiles of matMul for the rest.
 */
import type { WebgpuKernel } from '../../engine/webgpu.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu-program.ts'
import { eachRow, fewRows } from '../matmul/webgpu-few-rows.ts'
import { tiledProduct, tileFor } from '../matmul/webgpu-programs.ts'
import type { QuantizedLinearAttributes } from './index.ts'

const uniforms = { rows: 'u32', columns: 'u32', depth: 'u32', words: 'u32', scalesPerRow: 'u32', groupSize: 'u32' } as const
type QuantizedProgram = Program<'x' | 'values' | 'scales' | 'bias' | 'y', keyof typeof uniforms>

/** The weight at output o, input d. Shifting up and down again extends the sign. */
const unpack = (bits: number): string => `
fn scaleAt(o: u32, d: u32) -> f32 {
  let at = o * u.scalesPerRow + d / u.groupSize;
  return unpack2x16float(scales[at / 2u])[at % 2u];
}
fn quantized(word: i32, place: u32) -> f32 { return f32((word << (${32 - bits}u - ${bits}u * place)) >> ${32 - bits}u); }
fn weightAt(o: u32, d: u32) -> f32 {
  return quantized(values[o * u.words + d / ${32 / bits}u], d % ${32 / bits}u) * scaleAt(o, d);
}
fn atX(m: u32, k: u32) -> f32 {
  if (m >= u.rows || k >= u.depth) { return 0.0; }
  return x[m * u.depth + k];
}`

const store = (hasBias: boolean): string => `
fn store(m: u32, n: u32, sum: f32) {
  if (m < u.rows && n < u.columns) { y[m * u.columns + n] = sum${hasBias ? ' + bias[n]' : ''}; }
}`

const bindings = (hasBias: boolean) =>
  ({ inputs: { x: 'f32', values: 'i32', scales: 'u32', bias: hasBias && 'f32' }, outputs: { y: 'f32' }, uniforms }) as const

/** transposed: the gradient, which sums over outputs. */
const tileProgram = variants((bits: number, transposed: boolean, hasBias: boolean, tile: number): QuantizedProgram => {
  const { lanes, declarations, body } = tiledProduct(tile, true, !transposed)
  return defineProgram({
    ...bindings(hasBias),
    name: `quantizedLinear ${bits} ${transposed ? 'gradient ' : ''}${tile}`,
    lanes,
    declarations: `${declarations} ${unpack(bits)} ${store(hasBias)}
fn atA(m: u32, k: u32) -> f32 { return atX(m, k); }
fn atB(k: u32, n: u32) -> f32 {
  if (k >= u.depth || n >= u.columns) { return 0.0; }
  return ${transposed ? 'weightAt(k, n)' : 'weightAt(n, k)'};
}`,
    body,
  })
})

const dotLanes = 64

/** One to four rows, one output a workgroup. A word lies within one group of weights, so its scale is applied once. */
const dotProgram = variants((bits: number, hasBias: boolean, rows: number): QuantizedProgram => {
  const perWord = 32 / bits
  return defineProgram({
    ...bindings(hasBias),
    name: `quantizedLinear ${bits}, ${rows} rows`,
    lanes: dotLanes,
    reductions: ['sumOfGroup4'],
    declarations: `${unpack(bits)} ${store(hasBias)}`,
    body: `
  var sum = vec4f();
  for (var w = lane; w < u.words; w += ${dotLanes}u) {
    let word = values[group * u.words + w];
    let d = w * ${perWord}u;
    var products = vec4f();
    for (var i = 0u; i < ${perWord}u; i++) {
      let q = quantized(word, i);
      ${eachRow(rows, (m, component) => `products.${component} += q * atX(${m}u, d + i);`)}
    }
    sum += products * scaleAt(group, d);
  }
  let all = sumOfGroup4(sum, lane);
  if (lane == 0u) { ${eachRow(rows, (m, component) => `store(${m}u, group, all.${component});`)} }`,
  })
})

const sizes = ({ rows, inputs, bits, group }: QuantizedLinearAttributes) => ({
  rows,
  words: Math.ceil((inputs * bits) / 32),
  scalesPerRow: Math.ceil(inputs / group),
  groupSize: group,
})

export const quantizedLinearWebgpu: WebgpuKernel<QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits } = attributes
  const [x, values, scales] = ['x', 'values', 'scales'].map((name) => context.input(name))
  const hasBias = context.has('bias')
  const bias = hasBias ? context.input('bias') : x
  const y = context.output([...x.shape.slice(0, -1), outputs])
  if (rows * outputs === 0) return [y]
  const few = rows <= fewRows
  const tile = tileFor(rows, outputs)
  const program = few ? dotProgram(bits, hasBias, rows) : tileProgram(bits, false, hasBias, tile)
  const groups = few ? outputs : Math.ceil(rows / tile) * Math.ceil(outputs / tile)
  context.run(program, { x, values, scales, bias, y }, { ...sizes(attributes), columns: outputs, depth: inputs }, groups)
  return [y]
}

export const quantizedLinearGradWebgpu: WebgpuKernel<QuantizedLinearAttributes> = (context, attributes) => {
  const { rows, inputs, outputs, bits } = attributes
  const [dy, values, scales] = ['dy', 'values', 'scales'].map((name) => context.input(name))
  const dx = context.output([...dy.shape.slice(0, -1), inputs])
  if (rows * inputs === 0) return [dx]
  const tile = tileFor(rows, inputs)
  const groups = Math.ceil(rows / tile) * Math.ceil(inputs / tile)
  const uniformValues = { ...sizes(attributes), columns: inputs, depth: outputs }
  context.run(tileProgram(bits, true, false, tile), { x: dy, values, scales, bias: dy, y: dx }, uniformValues, groups)
  return [dx]
}
