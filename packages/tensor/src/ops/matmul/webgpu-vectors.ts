/**
 * WGSL of products of many rows where both sides are contiguous along the depth, in multiples of four, as a layer's input and weight are: a
 * tile x tile piece of c per workgroup, for any `fourA(m, v)` and `fourB(n, v)`, which give four neighbours along the depth, and zeros
 * outside; and `store(m, n, sum)`.
 */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { unrolled } from '../../engine/webgpu/snippets.ts'
import { store, uniforms, type Format, type MatMulProgram } from './webgpu-programs.ts'

/** Vectors along the depth that a slice of the invocations multiplies before the next tile is loaded. */
const sliceVectors = 4

/**
 * By the tile: results per invocation and side, and slices of invocations that share the depth. Small tiles are taken where there are few
 * of them, which leaves a GPU waiting for memory unless more of the depth is loaded at once.
 */
const shapes = { 128: { side: 8, slices: 1 }, 64: { side: 4, slices: 1 }, 32: { side: 4, slices: 4 } } as const
export type VectorTile = keyof typeof shapes

/** Workgroups of the largest tile that keep a GPU busy. */
const enoughGroups = 96

/** The largest tile that leaves few of the GPU's processors idle. */
export function vectorTileFor(rows: number, columns: number): VectorTile {
  const groups = (tile: VectorTile) => groupsOf(tile, rows, columns)
  if (groups(128) >= enoughGroups) return 128
  return groups(64) >= enoughGroups ? 64 : 32
}

export const groupsOf = (tile: number, rows: number, columns: number): number =>
  Math.ceil(rows / tile) * Math.ceil(columns / tile)

/**
 * Tiles lie in workgroup memory depth first: vector v of row r at v * tile + (r ^ 2v), so that neither writing vectors of two rows nor
 * reading one vector of many rows meets a bank more than twice. The next tile is loaded while this one is multiplied.
 */
export function vectorProduct(tile: VectorTile) {
  const { side, slices } = shapes[tile]
  const across = tile / side
  const perSlice = across * across
  const lanes = slices * perSlice
  const tileVectors = slices * sliceVectors
  const half = tile * tileVectors
  const slots = half / lanes
  const load = unrolled(slots, (i) => {
    const at = `let slot = lane + ${i * lanes}u; let r = slot / ${tileVectors}u; let v = v0 + slot % ${tileVectors}u;`
    return `{ ${at} nextA${i} = fourA(m0 + r, v); nextB${i} = fourB(n0 + r, v); }`
  })
  const put = unrolled(slots, (i) => {
    const at = `let slot = lane + ${i * lanes}u; let v = slot % ${tileVectors}u; let to = v * ${tile}u + ((slot / ${tileVectors}u) ^ (2u * v));`
    return `{ ${at} tiles[to] = nextA${i}; tiles[to + ${half}u] = nextB${i}; }`
  })
  // Rows and columns of an invocation are `across` apart. A sum is a component of one of the vectors of its row.
  const parts = side / 4
  const sum = (i: number, j: number) => `sum${i}_${Math.floor(j / 4)}.${'xyzw'[j % 4]}`
  const eachSum = (statement: (sum: string, index: number) => string) =>
    unrolled(side, (i) => unrolled(parts, (h) => statement(`sum${i}_${h}`, i * parts + h)))
  return {
    lanes,
    declarations: `
// Of a, then of b; at the end the sums of the slices.
var<workgroup> tiles: array<vec4f, ${2 * half}>;`,
    body: `
  let tilesAcross = (u.columns + ${tile - 1}u) / ${tile}u;
  let m0 = group / tilesAcross * ${tile}u;
  let n0 = group % tilesAcross * ${tile}u;
  let firstVector = lane / ${perSlice}u * ${sliceVectors}u;
  let row = lane % ${perSlice}u / ${across}u;
  let column = lane % ${across}u;
  ${eachSum((name) => `var ${name} = vec4f();`)}
  ${unrolled(slots, (i) => `var nextA${i} = vec4f(); var nextB${i} = vec4f();`)}
  var v0 = 0u;
  ${load}
  while (4u * v0 < u.depth) {
    workgroupBarrier();
    ${put}
    workgroupBarrier();
    v0 += ${tileVectors}u;
    ${load}
    for (var i = 0u; i < ${sliceVectors}u; i++) {
      let v = firstVector + i;
      let left = v * ${tile}u + (row ^ (2u * v));
      let right = v * ${tile}u + (column ^ (2u * v)) + ${half}u;
      ${unrolled(side, (i) => `let a${i} = tiles[${rowOf('left', i)}];`)}
      ${unrolled(side, (j) => `{ let b = tiles[${rowOf('right', j)}]; ${Array.from({ length: side }, (_, i) => `${sum(i, j)} += dot(a${i}, b);`).join(' ')} }`)}
    }
  }
  ${
    slices === 1
      ? ''
      : `
  workgroupBarrier();
  ${eachSum((name, index) => `tiles[${index * lanes}u + lane] = ${name};`)}
  workgroupBarrier();
  if (lane >= ${perSlice}u) { return; }
  for (var other = ${perSlice}u; other < ${lanes}u; other += ${perSlice}u) {
    ${eachSum((name, index) => `${name} += tiles[${index * lanes}u + other + lane];`)}
  }`
  }
  ${unrolled(side, (i) => unrolled(side, (j) => `store(m0 + row + ${i * across}u, n0 + column + ${j * across}u, ${sum(i, j)});`))}`,
  }

  /** The place of the i-th of an invocation's rows: 2v may reach beyond its distance to the first. */
  function rowOf(first: 'left' | 'right', i: number): string {
    if (i === 0 || 2 * tileVectors <= across) return `${first} + ${i * across}u`
    const [name, shift] = first === 'left' ? ['row', ''] : ['column', ` + ${half}u`]
    return `v * ${tile}u + ((${name} + ${i * across}u) ^ (2u * v))${shift}`
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
