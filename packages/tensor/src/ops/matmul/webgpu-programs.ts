/** WGSL of matMul: c(m,n) = sum_k a(m,k) b(k,n) + bias(n), over the ranges that the uniforms give. */
import { widen } from '../../engine/webgpu/halves.ts'
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'

export const uniforms = {
  rows: 'u32',
  columns: 'u32',
  depth: 'u32',
  /** Values between the lines of each matrix, and before the first one used. */
  strideA: 'u32',
  strideB: 'u32',
  strideC: 'u32',
  offsetA: 'u32',
  offsetB: 'u32',
  offsetC: 'u32',
  offsetBias: 'u32',
  /** 1: add to what c holds. */
  accumulate: 'u32',
} as const

/** A program without bias ignores the bias binding. */
export type MatMulProgram = Program<'a' | 'b' | 'bias' | 'c', keyof typeof uniforms>

/** How b lies in memory: float32, or 16-bit floats, two per word. */
export type Format = 'f32' | 'bf16' | 'f16'

export const store = (hasBias: boolean): string => `
fn store(m: u32, n: u32, sum: f32) {
  if (m >= u.rows || n >= u.columns) { return; }
  let at = m * u.strideC + n + u.offsetC;
  if (u.accumulate == 1u) { c[at] += sum; return; }
  c[at] = sum${hasBias ? ' + bias[n + u.offsetBias]' : ''};
}`

/** Value `at` of b. */
const valueOfB = (format: Format): string =>
  format === 'f32'
    ? 'fn valueOfB(at: u32) -> f32 { return b[at]; }'
    : `${widen[format]}
fn valueOfB(at: u32) -> f32 { return bitcast<f32>(widen((b[at / 2u] >> (16u * (at % 2u))) & 0xffffu)); }`

/** Values by row and column, for any memory layout; zero outside the matrix. */
export const accessA = (transposeA: boolean): string => `
fn atA(m: u32, k: u32) -> f32 {
  if (m >= u.rows || k >= u.depth) { return 0.0; }
  return a[${transposeA ? 'k * u.strideA + m' : 'm * u.strideA + k'} + u.offsetA];
}`

export const access = (transposeA: boolean, transposeB: boolean, hasBias: boolean, format: Format): string => `
${accessA(transposeA)}
${valueOfB(format)}
fn atB(k: u32, n: u32) -> f32 {
  if (k >= u.depth || n >= u.columns) { return 0.0; }
  return valueOfB(${transposeB ? 'n * u.strideB + k' : 'k * u.strideB + n'} + u.offsetB);
}
${store(hasBias)}`

type Flags = [transposeA: boolean, transposeB: boolean, hasBias: boolean, format: Format]

export const tileProgram = variants((tile: number, ...flags: Flags): MatMulProgram => {
  const [transposeA, transposeB, hasBias, format] = flags
  const { lanes, declarations, body } = tiledProduct(tile, !transposeA, transposeB)
  return defineProgram({
    name: `matMul ${tile} ${format}`,
    inputs: { a: 'f32', b: format === 'f32' ? 'f32' : 'u32', bias: hasBias && 'f32' },
    outputs: { c: 'f32' },
    uniforms,
    lanes,
    declarations: `${declarations} ${access(...flags)}`,
    body,
  })
})

/** Steps of K that a tile holds. */
const tileDepth = 16

/**
 * One tile x tile piece of c per workgroup, 4 x 4 per invocation, for any `atA(m, k)`, `atB(k, n)` and `store(m, n, sum)` and the
 * uniforms `columns` and `depth`. Both operands lie in workgroup memory with k outermost, so that an invocation reads its four
 * rows and its four columns as one vector each. The flags say whether each operand is contiguous along k.
 */
export function tiledProduct(tile: number, depthFirstA: boolean, depthFirstB: boolean) {
  const across = tile / 4
  const lanes = across * across
  const vectors = across * tileDepth
  const alongDepth = `let k = slot % ${tileDepth}u; let x = slot / ${tileDepth}u;`
  const alongTile = `let k = slot / ${across}u; let x = slot % ${across}u;`
  return {
    lanes,
    declarations: `
var<workgroup> tileA: array<vec4f, ${vectors}>;
var<workgroup> tileB: array<vec4f, ${vectors}>;`,
    body: `
  let tilesAcross = (u.columns + ${tile - 1}u) / ${tile}u;
  let m0 = group / tilesAcross * ${tile}u;
  let n0 = group % tilesAcross * ${tile}u;
  let row = lane / ${across}u;
  let column = lane % ${across}u;
  var sums = array<vec4f, 4>();
  for (var k0 = 0u; k0 < u.depth; k0 += ${tileDepth}u) {
    for (var slot = lane; slot < ${vectors}u; slot += ${lanes}u) {
      ${depthFirstA ? alongDepth : alongTile}
      let m = m0 + 4u * x;
      tileA[k * ${across}u + x] = vec4f(atA(m, k0 + k), atA(m + 1u, k0 + k), atA(m + 2u, k0 + k), atA(m + 3u, k0 + k));
    }
    for (var slot = lane; slot < ${vectors}u; slot += ${lanes}u) {
      ${depthFirstB ? alongDepth : alongTile}
      let n = n0 + 4u * x;
      tileB[k * ${across}u + x] = vec4f(atB(k0 + k, n), atB(k0 + k, n + 1u), atB(k0 + k, n + 2u), atB(k0 + k, n + 3u));
    }
    workgroupBarrier();
    for (var k = 0u; k < ${tileDepth}u; k++) {
      let left = tileA[k * ${across}u + row];
      let right = tileB[k * ${across}u + column];
      sums[0] += left.x * right;
      sums[1] += left.y * right;
      sums[2] += left.z * right;
      sums[3] += left.w * right;
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) { store(m0 + 4u * row + i, n0 + 4u * column + j, sums[i][j]); }
  }`,
  }
}

/** Small tiles if large ones would leave most of the GPU idle. */
export const tileFor = (rows: number, columns: number): number => (Math.ceil(rows / 64) * Math.ceil(columns / 64) < 64 ? 32 : 64)
