/**
 * WGSL of products with one to four rows, as in decoding: each element of b is read once, and the sums of the rows are the components of
 * one vector.
 */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { access, store, uniforms, type Format, type MatMulProgram } from './webgpu-programs.ts'

/** Most rows that these programs handle. */
export const fewRows = 4

/** A statement for each row and its component of the sum. */
export const eachRow = (rows: number, statement: (m: number, component: string) => string): string =>
  Array.from({ length: rows }, (_, m) => statement(m, 'xyzw'[m]!)).join(' ')

const dotLanes = 64

type DotProgram = (rows: number, transposeA: boolean, hasBias: boolean, vectors: boolean, format: Format) => MatMulProgram

/**
 * For transposed b, where a column is contiguous. One workgroup per column of c.
 * vectors: both operands are contiguous along k, in multiples of four, and are read as vectors.
 */
export const dotProgram: DotProgram = variants(
  (rows: number, transposeA: boolean, hasBias: boolean, vectors: boolean, format: Format) => {
    const typeOfB = format === 'f32' ? (vectors ? 'vec4<f32>' : 'f32') : vectors ? (`${format}x4` as const) : 'u32'
    const products = vectors
      ? `
  let atB = (group * u.strideB + u.offsetB) / 4u;
  for (var k = lane; k < u.depth / 4u; k += ${dotLanes}u) {
    let weights = ${format === 'f32' ? 'b[atB + k]' : 'b_four(atB + k)'};
    ${eachRow(rows, (m, component) => `sum.${component} += dot(weights, a[(${m}u * u.strideA + u.offsetA) / 4u + k]);`)}
  }`
      : `
  for (var k = lane; k < u.depth; k += ${dotLanes}u) {
    let weight = atB(k, group);
    ${eachRow(rows, (m, component) => `sum.${component} += weight * atA(${m}u, k);`)}
  }`
    return defineProgram({
      name: `matMul, ${rows} rows, b transposed, ${format}`,
      inputs: { a: vectors ? 'vec4<f32>' : 'f32', b: typeOfB, bias: hasBias && 'f32' },
      outputs: { c: 'f32' },
      uniforms,
      lanes: dotLanes,
      reductions: ['sumOfGroup4'],
      declarations: vectors ? store(hasBias) : access(transposeA, true, hasBias, format),
      body: `
  var sum = vec4f();
  ${products}
  let all = sumOfGroup4(sum, lane);
  if (lane == 0u) { ${eachRow(rows, (m, component) => `store(${m}u, group, all.${component});`)} }`,
    })
  },
)

/** Columns of b per workgroup, and how many invocations share one, each taking a part of K. */
const columns = 64
const parts = 4

/** For b not transposed: neighbouring invocations take neighbouring columns. */
export const columnProgram = variants((rows: number, transposeA: boolean, hasBias: boolean, format: Format): MatMulProgram => {
  const lanes = columns * parts
  return defineProgram({
    name: `matMul, ${rows} rows, ${format}`,
    inputs: { a: 'f32', b: format === 'f32' ? 'f32' : 'u32', bias: hasBias && 'f32' },
    outputs: { c: 'f32' },
    uniforms,
    lanes,
    declarations: `
var<workgroup> shares: array<vec4f, ${lanes}>;
${access(transposeA, false, hasBias, format)}`,
    body: `
  let n = group * ${columns}u + lane % ${columns}u;
  var sum = vec4f();
  for (var k = lane / ${columns}u; k < u.depth; k += ${parts}u) {
    let weight = atB(k, n);
    ${eachRow(rows, (m, component) => `sum.${component} += weight * atA(${m}u, k);`)}
  }
  shares[lane] = sum;
  workgroupBarrier();
  if (lane < ${columns}u) {
    let all = ${Array.from({ length: parts }, (_, part) => `shares[lane + ${part * columns}u]`).join(' + ')};
    ${eachRow(rows, (m, component) => `store(${m}u, n, all.${component});`)}
  }`,
  })
})

/** Workgroups that columnProgram needs for this many columns of c. */
export const columnGroups = (count: number): number => Math.ceil(count / columns)
