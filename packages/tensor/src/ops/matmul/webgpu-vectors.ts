/**
 * WGSL of products of many rows where both sides are contiguous along the depth, in multiples of four, as a layer's input and weight are: a
 * tile x tile piece of c per workgroup, for any `fourA(m, v)` and `fourB(n, v)`, which give four neighbours along the depth, and zeros
 * outside; and `store(m, n, sum)`.
 */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { store, uniforms, type Format, type MatMulProgram } from './webgpu-programs.ts'

/** Vectors along the depth that a tile holds. */
const tileVectors = 4

/** Results per invocation and side, by the tile. */
const sides = { 128: 8, 64: 4, 32: 4 } as const
export type VectorTile = keyof typeof sides

/** Workgroups of the largest tile that keep a GPU busy. */
const enoughGroups = 96

/** The largest tile that leaves few of the GPU's processors idle. */
export function vectorTileFor(rows: number, columns: number): VectorTile {
  const groups = (tile: VectorTile) => groupsOf(tile, rows, columns)
  if (groups(128) >= enoughGroups) return 128
  return groups(64) >= enoughGroups ? 64 : 32
}

export const groupsOf = (tile: number, rows: number, columns: number): number => Math.ceil(rows / tile) * Math.ceil(columns / tile)

/**
 * Tiles lie in workgroup memory depth first: vector v of row r at v * tile + (r ^ 2v), so that neither writing four vectors of two rows
 * nor reading one vector of many rows meets a bank twice. The next tile is loaded while this one is multiplied.
 */
export function vectorProduct(tile: VectorTile) {
  const side = sides[tile]
  const across = tile / side
  const lanes = across * across
  const slots = (tile * tileVectors) / lanes
  const each = (count: number, statement: (i: number) => string) => Array.from({ length: count }, (_, i) => statement(i)).join('\n    ')
  const load = each(slots, (i) => {
    const at = `let slot${i} = lane + ${i * lanes}u; let r${i} = slot${i} / ${tileVectors}u; let v${i} = v0 + slot${i} % ${tileVectors}u;`
    return `{ ${at} nextA${i} = fourA(m0 + r${i}, v${i}); nextB${i} = fourB(n0 + r${i}, v${i}); }`
  })
  const put = each(slots, (i) => {
    const slot = `(lane + ${i * lanes}u)`
    const to = `(${slot} % ${tileVectors}u) * ${tile}u + ((${slot} / ${tileVectors}u) ^ (2u * (${slot} % ${tileVectors}u)))`
    return `tileA[${to}] = nextA${i}; tileB[${to}] = nextB${i};`
  })
  // Rows and columns of an invocation are `across` apart. A sum is a component of one of two vectors per row.
  const sum = (i: number, j: number) => `sum${i}_${Math.floor(j / 4)}.${'xyzw'[j % 4]}`
  return {
    lanes,
    declarations: `
var<workgroup> tileA: array<vec4f, ${tile * tileVectors}>;
var<workgroup> tileB: array<vec4f, ${tile * tileVectors}>;`,
    body: `
  let tilesAcross = (u.columns + ${tile - 1}u) / ${tile}u;
  let m0 = group / tilesAcross * ${tile}u;
  let n0 = group % tilesAcross * ${tile}u;
  let row = lane / ${across}u;
  let column = lane % ${across}u;
  ${each(side, (i) => each(side / 4, (h) => `var sum${i}_${h} = vec4f();`))}
  ${each(slots, (i) => `var nextA${i} = vec4f(); var nextB${i} = vec4f();`)}
  var v0 = 0u;
  ${load}
  for (; 4u * v0 < u.depth; ) {
    workgroupBarrier();
    ${put}
    workgroupBarrier();
    v0 += ${tileVectors}u;
    ${load}
    for (var v = 0u; v < ${tileVectors}u; v++) {
      let left = v * ${tile}u + (row ^ (2u * v));
      let right = v * ${tile}u + (column ^ (2u * v));
      ${each(side, (i) => `let a${i} = tileA[left + ${i * across}u];`)}
      ${each(side, (j) => `{ let b = tileB[right + ${j * across}u]; ${Array.from({ length: side }, (_, i) => `${sum(i, j)} += dot(a${i}, b);`).join(' ')} }`)}
    }
  }
  ${each(side, (i) => each(side, (j) => `store(m0 + row + ${i * across}u, n0 + column + ${j * across}u, ${sum(i, j)});`))}`,
  }
}

/** Vector v of row m of a. */
export const fourA = `
fn fourA(m: u32, v: u32) -> vec4f {
  if (m >= u.rows || 4u * v >= u.depth) { return vec4f(); }
  return a[(m * u.strideA + u.offsetA) / 4u + v];
}`

/** c = a bᵀ + bias, with a [M,K], and b [N,K] in float32 or 16-bit floats, for K a multiple of four. */
export const vectorTileProgram = variants((tile: VectorTile, hasBias: boolean, format: Format): MatMulProgram => {
  const { lanes, declarations, body } = vectorProduct(tile)
  const at = '(n * u.strideB + u.offsetB) / 4u + v'
  return defineProgram({
    name: `matMul ${tile} vectors, ${format}`,
    inputs: { a: 'vec4<f32>', b: format === 'f32' ? 'vec4<f32>' : `${format}x4`, bias: hasBias && 'f32' },
    outputs: { c: 'f32' },
    uniforms,
    lanes,
    declarations: `${declarations} ${fourA} ${store(hasBias)}
fn fourB(n: u32, v: u32) -> vec4f {
  if (n >= u.columns || 4u * v >= u.depth) { return vec4f(); }
  return ${format === 'f32' ? `b[${at}]` : `b_four(${at})`};
}`,
    body,
  })
})
