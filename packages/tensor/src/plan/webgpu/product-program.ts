/**
 * Up to three products of one row with weights [O, K], with what comes before and after them:
 *
 *   y_i = epilogue(norm(x) W_iᵀ + bias_i)      norm: RMS norm, or nothing     epilogue: + residual, or silu(y_0) y_1, or nothing
 *
 * A workgroup takes four outputs: every weight is read once, the row once for four of them. The sum of squares that a norm needs is taken
 * while the row is read, and the root is applied to the sums.
 */
import type { BlockType } from '@casa-js/base/internal'
import { widen } from '../../engine/webgpu/halves.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { sigmoid } from '../../engine/webgpu/snippets.ts'
import { blockFunctions, halvesPerRow, unitsPerRow, vectorsOfUnit } from '../../ops/block-linear/webgpu-blocks.ts'
import type { WeightFormat } from './product-node.ts'

const lanes = 64
/** Outputs of a workgroup: the components of a vector. */
export const outputsPerGroup = 4

export interface ProductVariant {
  format: WeightFormat
  /** See Width. */
  wide: boolean
  /** For each product, whether it has a bias. */
  biases: readonly boolean[]
  hasNorm: boolean
  epilogue: 'none' | 'residual' | 'swiglu'
}

type Uniform =
  | 'units'
  | 'rowHalves'
  | 'depth'
  | 'eps'
  | 'scalesPerRow'
  | 'groupSize'
  | `outputs${0 | 1 | 2}`
  | `groups${0 | 1 | 2}`
  | `at${0 | 1 | 2}`
export type ProductProgram = Program<string, Uniform>

/**
 * How a row of a weight is read: in units of a vector, a word, four words or a part of a block, by one invocation each. Units of four words
 * keep more of the memory busy, but leave invocations idle where a row has few of them.
 */
interface Reading {
  /** What the weight is bound as. */
  type: 'vec4<f32>' | 'f16x4' | 'bf16x4' | 'u32' | 'vec4<u32>'
  /** For each vector of x that unit k is multiplied with, WGSL of its index. */
  vectors: readonly string[]
}

export interface Width {
  units: number
  /** For blocks, the halves of words from row to row. */
  rowHalves: number
  /** Units are four words. */
  wide: boolean
}

const isBlocks = (format: WeightFormat): format is BlockType => format.startsWith('Q')

/** Columns of four words. */
const columnsOfFour: Partial<Record<WeightFormat, number>> = { bf16: 8, q8: 16, q4: 32 }

/** The units of a row of so many columns. */
export function widthOf(format: WeightFormat, inputs: number): Width {
  if (isBlocks(format)) return { units: unitsPerRow(format, inputs), rowHalves: halvesPerRow(format, inputs), wide: false }
  const columns = columnsOfFour[format]
  if (columns && inputs % columns === 0 && inputs / columns >= lanes) return { units: inputs / columns, rowHalves: 0, wide: true }
  return { units: format === 'q4' ? inputs / 8 : inputs / 4, rowHalves: 0, wide: false }
}

function readingOf(format: WeightFormat, wide: boolean): Reading {
  if (isBlocks(format)) return { type: 'u32', vectors: vectorsOfUnit(format) }
  const along = (count: number) => Array.from({ length: count }, (_, i) => (count === 1 ? 'k' : `${count}u * k + ${i}u`))
  if (wide) return { type: 'vec4<u32>', vectors: along(columnsOfFour[format]! / 4) }
  if (format === 'q4') return { type: 'u32', vectors: along(2) }
  return { type: format === 'f32' ? 'vec4<f32>' : format === 'q8' ? 'u32' : `${format}x4`, vectors: along(1) }
}

/** The names of the vectors of x: a, b, .. */
const namesOf = (format: WeightFormat, wide: boolean): string[] => readingOf(format, wide).vectors.map((_, i) => 'abcdefgh'[i]!)

/** WGSL that programs of a format need once. */
const shared = (format: WeightFormat): string => {
  if (isBlocks(format)) return widen.f16
  if (format === 'bf16')
    return `
fn twoOf(word: u32) -> vec2f { return bitcast<vec2f>(vec2u(word << 16u, word & 0xffff0000u)); }
fn fourOf(words: vec2u) -> vec4f { return vec4f(twoOf(words.x), twoOf(words.y)); }`
  if (format !== 'q8' && format !== 'q4') return ''
  const dotOfWord =
    format === 'q8'
      ? `
fn dotOfWord(bits: u32, a: vec4f) -> f32 {
  let word = vec4i(bitcast<i32>(bits));
  return dot(vec4f((word << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)), a);
}`
      : `
fn dotOfWord(bits: u32, a: vec4f, b: vec4f) -> f32 {
  let word = vec4i(bitcast<i32>(bits));
  let low = vec4f((word << vec4u(28u, 24u, 20u, 16u)) >> vec4u(28u));
  let high = vec4f((word << vec4u(12u, 8u, 4u, 0u)) >> vec4u(28u));
  return dot(low, a) + dot(high, b);
}`
  return `${widen.f16}
fn scaleOf(pair: u32, place: u32) -> f32 { return bitcast<f32>(widen((pair >> (16u * place)) & 0xffffu)); }${dotOfWord}`
}

/** WGSL of unit `k` of row `row` of weight i times the row's values. */
function dotOf(format: WeightFormat, wide: boolean, i: number): string {
  const names = namesOf(format, wide)
  const head = `fn dot${i}(row: u32, k: u32, ${names.map((name) => `${name}: vec4f`).join(', ')}) -> f32`
  if (isBlocks(format))
    return `${blockFunctions(format, { buffer: `w${i}`, suffix: i })}
${head} {
  let weights = unitAt${i}(row * u.rowHalves, k);
  return ${names.map((name, v) => `dot(weights[${v}], ${name})`).join(' + ')};
}`
  if (format === 'f32') return `${head} { return dot(w${i}[row * u.units + k], a); }`
  if (format === 'bf16' && wide)
    return `${head} {
  let words = w${i}[row * u.units + k];
  return dot(fourOf(words.xy), a) + dot(fourOf(words.zw), b);
}`
  if (format === 'bf16' || format === 'f16') return `${head} { return dot(w${i}_four(row * u.units + k), a); }`
  // A group's columns are a multiple of 32, so that a unit has one scale.
  const columns = 4 * names.length
  const words = wide ? ['words.x', 'words.y', 'words.z', 'words.w'] : ['words']
  const perWord = names.length / words.length
  const parts = words.map((word, n) => `dotOfWord(${[word, ...names.slice(n * perWord, (n + 1) * perWord)].join(', ')})`)
  return `
${head} {
  let words = w${i}[row * u.units + k];
  let at = row * u.scalesPerRow + ${columns}u * k / u.groupSize;
  return scaleOf(s${i}[at / 2u], at % 2u) * (${parts.join(' + ')});
}`
}

/** WGSL of four outputs of product i, from output `first` on, before the norm's root. */
function productOf({ format, wide, hasNorm }: ProductVariant, i: number): string {
  const rows = Array.from({ length: outputsPerGroup }, (_, r) => `let r${r} = min(first + ${r}u, u.outputs${i} - 1u);`)
  const load = (name: string, at: string) => `
    let ${name}At = ${at};
    var ${name} = x[${name}At];${hasNorm ? `\n    squares += dot(${name}, ${name});\n    ${name} *= normWeight[${name}At];` : ''}`
  const names = namesOf(format, wide)
  const loads = readingOf(format, wide).vectors.map((at, v) => load(names[v]!, at))
  const given = names.join(', ')
  return `
${dotOf(format, wide, i)}
fn product${i}(first: u32, lane: u32) -> vec4f {
  ${rows.join(' ')}
  var sum = vec4f();
  squares = 0.0;
  for (var k = lane; k < u.units; k += ${lanes}u) {${loads.join('')}
    sum += vec4f(dot${i}(r0, k, ${given}), dot${i}(r1, k, ${given}), dot${i}(r2, k, ${given}), dot${i}(r3, k, ${given}));
  }
  return sum;
}`
}

const biasOf = (i: number, first: string): string =>
  `vec4f(${[0, 1, 2, 3].map((r) => `bias${i}[min(${first} + ${r}u, u.outputs${i} - 1u)]`).join(', ')})`

const make = variants(
  (
    format: WeightFormat,
    wide: boolean,
    biases: string,
    hasNorm: boolean,
    epilogue: ProductVariant['epilogue'],
  ): ProductProgram => {
    const has = [...biases].map((flag) => flag === '1')
    const isQuantized = format === 'q8' || format === 'q4'
    const variant = { format, wide, biases: has, hasNorm, epilogue }
    const each = <T>(f: (i: number) => T): T[] => has.map((_, i) => f(i))
    const inputs = {
      x: 'vec4<f32>' as const,
      normWeight: hasNorm && ('vec4<f32>' as const),
      residual: epilogue === 'residual' && ('vec4<f32>' as const),
      ...Object.fromEntries(each((i) => [`w${i}`, readingOf(format, wide).type] as const)),
      ...Object.fromEntries(each((i) => [`s${i}`, isQuantized && 'u32'] as const)),
      ...Object.fromEntries(each((i) => [`bias${i}`, has[i]! && 'f32'] as const)),
    }
    const plus = (i: number, first: string) => (has[i] ? ` + ${biasOf(i, first)}` : '')
    const total = (sum: string) => `sumOfGroup4(${sum}, lane)`
    const root = hasNorm ? 'let root = inverseSqrt(sumOfGroup(squares, lane) / f32(u.depth) + u.eps);' : 'let root = 1.0;'
    // Which product a workgroup belongs to is the same for all of its invocations.
    const chosen = `
  var first = group;
  var which = 0u;
  ${each((i) => (i === 0 ? '' : `if (which == ${i - 1}u && first >= u.groups${i - 1}) { first -= u.groups${i - 1}; which = ${i}u; }`)).join('\n  ')}
  let vector = first;
  first *= ${outputsPerGroup}u;
  var sum = vec4f();
  ${each((i) => `if (which == ${i}u) { sum = product${i}(first, lane); }`).join(' else ')}
  ${root}
  var all = ${total('sum')} * root;
  ${each((i) => (has[i] ? `if (which == ${i}u) { all += ${biasOf(i, 'first')}; }` : '')).join(' ')}
  ${epilogue === 'residual' ? 'all += residual[vector];' : ''}
  let to = vector + ${has.length === 1 ? 'u.at0' : `select(${has.length === 2 ? 'u.at1' : 'select(u.at2, u.at1, which == 1u)'}, u.at0, which == 0u)`};
  if (lane == 0u) { y[to] = all; }`
    const both = `
  let first = ${outputsPerGroup}u * group;
  let gateSum = product0(first, lane);
  let upSum = product1(first, lane);
  ${root}
  let gate = ${total('gateSum')} * root${plus(0, 'first')};
  let up = ${total('upSum')} * root${plus(1, 'first')};
  if (lane == 0u) {
    y[group + u.at0] = gate * vec4f(sigmoid(gate.x), sigmoid(gate.y), sigmoid(gate.z), sigmoid(gate.w)) * up;
  }`
    return defineProgram({
      name: `planned product x ${has.length}, ${format}${wide ? ' wide' : ''}${hasNorm ? ', norm' : ''}, ${epilogue}`,
      inputs,
      outputs: { y: 'vec4<f32>' as const },
      uniforms: {
        units: 'u32',
        rowHalves: 'u32',
        depth: 'u32',
        eps: 'f32',
        scalesPerRow: 'u32',
        groupSize: 'u32',
        ...{ outputs0: 'u32', outputs1: 'u32', outputs2: 'u32' },
        ...{ groups0: 'u32', groups1: 'u32', groups2: 'u32' },
        ...{ at0: 'u32', at1: 'u32', at2: 'u32' },
      } as const,
      lanes,
      reductions: hasNorm ? ['sumOfGroup4', 'sumOfGroup'] : ['sumOfGroup4'],
      declarations: `
var<private> squares: f32;
${epilogue === 'swiglu' ? sigmoid : ''}
${shared(format)}
${each((i) => productOf(variant, i)).join('\n')}`,
      body: epilogue === 'swiglu' ? both : chosen,
    })
  },
)

/** The program of a variant; the same object for the same variant. */
export const productProgram = ({ format, wide, biases, hasNorm, epilogue }: ProductVariant): ProductProgram =>
  make(format, wide, biases.map(Number).join(''), hasNorm, epilogue)
