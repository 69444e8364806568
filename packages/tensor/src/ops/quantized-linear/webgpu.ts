/**
 * y = x Wᵀ + bias and dx = dy W, with W unpacked value by value as it is used.
 *
 * One program for few rows (decoding), where an invocation takes whole words; tiles of matMul for the rest.
 */
import type { WebgpuKernel } from '../../engine/webgpu.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu-program.ts'
import { skinnyRows, tiledProduct, tileFor } from '../matmul/webgpu-programs.ts'
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

const dotLanes = 256
const lanesPerColumn = 32
const columnsPerGroup = dotLanes / lanesPerColumn

/** At most four rows. A word lies within one group of weights, so its scale is applied once. */
const dotProgram = variants((bits: number, hasBias: boolean): QuantizedProgram => {
  const perWord = 32 / bits
  return defineProgram({
    ...bindings(hasBias),
    name: `quantizedLinear ${bits}, few rows`,
    lanes: dotLanes,
    declarations: `
var<workgroup> partial: array<vec4f, ${dotLanes}>;
${unpack(bits)} ${store(hasBias)}`,
    body: `
  let part = lane % ${lanesPerColumn}u;
  let n = group * ${columnsPerGroup}u + lane / ${lanesPerColumn}u;
  var sum = vec4f();
  if (n < u.columns) {
    for (var w = part; w < u.words; w += ${lanesPerColumn}u) {
      let word = values[n * u.words + w];
      let d = w * ${perWord}u;
      var products = vec4f();
      for (var i = 0u; i < ${perWord}u; i++) {
        products += quantized(word, i) * vec4f(atX(0u, d + i), atX(1u, d + i), atX(2u, d + i), atX(3u, d + i));
      }
      sum += products * scaleAt(n, d);
    }
  }
  partial[lane] = sum;
  for (var half = ${lanesPerColumn / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (part < half) { partial[lane] += partial[lane + half]; }
  }
  if (part == 0u) {
    for (var m = 0u; m < ${skinnyRows}u; m++) { store(m, n, partial[lane][m]); }
  }`,
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
  const few = rows <= skinnyRows
  const tile = tileFor(rows, outputs)
  const program = few ? dotProgram(bits, hasBias) : tileProgram(bits, false, hasBias, tile)
  const groups = few ? Math.ceil(outputs / columnsPerGroup) : Math.ceil(rows / tile) * Math.ceil(outputs / tile)
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
