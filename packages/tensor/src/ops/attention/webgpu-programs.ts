/**
 * WGSL of attention. A workgroup owns one block of rows of one KV head (`stay` of them, four invocations each); tiles of `pass`
 * rows of the other side pass by in workgroup memory. Heads are cut into V = ceil(E / 4) vectors; of a row's result invocation
 * `part` holds the vectors part, part + 4, ..
 */
import { defineProgram, variants, type ElementType } from '../../engine/webgpu-program.ts'
import { lowest } from '../../engine/webgpu-snippets.ts'

const uniforms = { heads: 'u32', kvHeads: 'u32', groupSize: 'u32', causal: 'u32', scale: 'f32' } as const

/** Heads whose size is a multiple of four are bound as vectors. */
const elementType = (E: number): ElementType => (E % 4 === 0 ? 'vec4<f32>' : 'f32')

/** Vector j of a head; zero past its end. `head` counts heads over all tokens. */
const load = (name: string, E: number): string =>
  E % 4 === 0
    ? `fn load_${name}(head: u32, j: u32) -> vec4f { return ${name}[head * ${E / 4}u + j]; }`
    : `
fn one_${name}(head: u32, e: u32) -> f32 {
  if (e >= ${E}u) { return 0.0; }
  return ${name}[head * ${E}u + e];
}
fn load_${name}(head: u32, j: u32) -> vec4f {
  return vec4f(one_${name}(head, 4u * j), one_${name}(head, 4u * j + 1u), one_${name}(head, 4u * j + 2u), one_${name}(head, 4u * j + 3u));
}`

const store = (name: string, E: number): string =>
  E % 4 === 0
    ? `fn store_${name}(head: u32, j: u32, value: vec4f) { ${name}[head * ${E / 4}u + j] = value; }`
    : `
fn store_${name}(head: u32, j: u32, value: vec4f) {
  for (var i = 0u; i < 4u && 4u * j + i < ${E}u; i++) { ${name}[head * ${E}u + 4u * j + i] = value[i]; }
}`

/** What a block says of itself, by the names that the bodies use. Rows of queries are (token, head of the group) pairs. */
const block = (side: 'query' | 'key'): string => `
  let at = group / u.kvHeads * 6u;
  let kvHead = group % u.kvHeads;
  let first = u32(blocks[at + 1u]);
  let count = u32(blocks[at + 2u]);
  let queryStart = u32(blocks[at + ${side === 'query' ? 0 : 3}u]);
  let keyStart = u32(blocks[at + ${side === 'query' ? 3 : 0}u]);
  let keys = blocks[at + 4u];
  let queries = blocks[at + 5u];
  let row = lane / 4u;
  let part = lane % 4u;`

const helpers = `
// Keys of its segment that query i sees; causal is aligned bottom-right.
fn visible(i: u32, keys: i32, queries: i32) -> i32 { return select(keys, keys - (queries - 1 - i32(i)), u.causal == 1u); }
// Where row r of a segment's queries lies, counted in heads.
fn queryHead(start: u32, r: u32, kvHead: u32) -> u32 {
  return (start + r / u.groupSize) * u.heads + kvHead * u.groupSize + r % u.groupSize;
}`

interface Tile {
  E: number
  /** V */
  vectors: number
  /** Vectors of a row's result that one invocation holds. */
  held: number
  lanes: number
}

const tileOf = (E: number, stay: number): Tile => ({ E, vectors: Math.ceil(E / 4), held: Math.ceil(E / 16), lanes: 4 * stay })

/** Fill a tile of `rows` rows: `value` for row r, vector j where `there`, else zeros. */
const fill = ({ vectors, lanes }: Tile, rows: number, there: string, values: Record<string, string>): string => `
  for (var slot = lane; slot < ${rows * vectors}u; slot += ${lanes}u) {
    let r = slot / ${vectors}u;
    let j = slot % ${vectors}u;
    let there = ${there};
    ${Object.entries(values)
      .map(([tile, value]) => `${tile}[slot] = vec4f(); if (there) { ${tile}[slot] = ${value}; }`)
      .join('\n    ')}
  }`

/**
 * A statement for every vector that this invocation holds: `i` counts them, `j` is their place in the head. Written out, so that
 * what is held are variables, which every compiler keeps in registers.
 */
const eachHeld = ({ held, vectors }: Tile, statement: (i: number, j: string) => string): string =>
  Array.from({ length: held }, (_, i) => {
    const j = i === 0 ? 'part' : `(part + ${4 * i}u)`
    return 4 * i + 3 < vectors ? statement(i, j) : `if (${j} < ${vectors}u) { ${statement(i, j)} }`
  }).join('\n      ')

/** Declare what eachHeld's statements add to. */
const declareHeld = ({ held }: Tile, ...names: string[]): string =>
  names.flatMap((name) => Array.from({ length: held }, (_, i) => `var ${name}${i} = vec4f();`)).join(' ')

/** o and lse. A block of query rows stays, keys and then their values pass through one tile. */
export const forwardProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  const type = elementType(E)
  return defineProgram({
    name: 'attention',
    inputs: { q: type, k: type, v: type, blocks: 'i32' },
    outputs: { o: type, lse: 'f32' },
    uniforms,
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${stay * vectors}>;
var<workgroup> tileKV: array<vec4f, ${pass * vectors}>;
var<workgroup> scores: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${store('o', E)} ${helpers}`,
    body: `${block('query')}
  ${fill(tile, stay, 'r < count', { tileQ: 'load_q(queryHead(queryStart, first + r, kvHead), j) * u.scale' })}
  let longest = visible((first + count - 1u) / u.groupSize, keys, queries);
  let limit = select(0, visible((first + row) / u.groupSize, keys, queries), row < count);
  var top = ${lowest};
  var sum = 0.0;
  ${declareHeld(tile, 'held')}
  for (var k0 = 0; k0 < longest; k0 += ${pass}) {
    workgroupBarrier();
    ${fill(tile, pass, 'k0 + i32(r) < keys', { tileKV: 'load_k((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)' })}
    workgroupBarrier();
    for (var c = part; c < ${pass}u; c += 4u) {
      var score = 0.0;
      for (var j = 0u; j < ${vectors}u; j++) { score += dot(tileQ[row * ${vectors}u + j], tileKV[c * ${vectors}u + j]); }
      scores[row * ${pass}u + c] = select(${lowest}, score, k0 + i32(c) < limit);
    }
    workgroupBarrier();
    ${fill(tile, pass, 'k0 + i32(r) < keys', { tileKV: 'load_v((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)' })}
    var highest = top;
    for (var c = 0u; c < ${pass}u; c++) { highest = max(highest, scores[row * ${pass}u + c]); }
    let shrink = exp(top - highest);
    top = highest;
    sum *= shrink;
    ${eachHeld(tile, (i) => `held${i} *= shrink;`)}
    workgroupBarrier();
    for (var c = 0u; c < ${pass}u && k0 + i32(c) < limit; c++) {
      let p = exp(scores[row * ${pass}u + c] - top);
      sum += p;
      ${eachHeld(tile, (i, j) => `held${i} += p * tileKV[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  let head = queryHead(queryStart, first + row, kvHead);
  let share = select(0.0, 1.0 / max(sum, 1e-30), sum > 0.0);
  ${eachHeld(tile, (i, j) => `store_o(head, ${j}, held${i} * share);`)}
  if (part == 0u) { lse[head] = select(0.0, top + log(max(sum, 1e-30)), sum > 0.0); }`,
  })
})

/**
 * Of each query head the pair (lse, dO.o), so that the programs below bind one buffer for both. One invocation a head; the dot
 * product is taken as they take dO.v, so that a query with one key gets a gradient of exactly zero.
 */
export const statisticsProgram = variants((E: number) => {
  const type = elementType(E)
  return defineProgram({
    name: 'attention, dO.o',
    inputs: { o: type, dO: type, lse: 'f32' },
    outputs: { statistics: 'f32' },
    uniforms: { rows: 'u32' },
    lanes: 64,
    declarations: `${load('o', E)} ${load('dO', E)}`,
    body: `
  let head = group * 64u + lane;
  if (head >= u.rows) { return; }
  var sum = 0.0;
  for (var j = 0u; j < ${Math.ceil(E / 4)}u; j++) { sum += dot(load_dO(head, j), load_o(head, j)); }
  statistics[2u * head] = lse[head];
  statistics[2u * head + 1u] = sum;`,
  })
})

/** dq = scale ds k, ds = p * (dO vᵀ - dO.o). A block of query rows stays. */
export const queryGradientProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  const type = elementType(E)
  return defineProgram({
    name: 'attention gradient of q',
    inputs: { q: type, k: type, v: type, dO: type, statistics: 'f32', blocks: 'i32' },
    outputs: { dq: type },
    uniforms,
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${stay * vectors}>;
var<workgroup> tileDO: array<vec4f, ${stay * vectors}>;
var<workgroup> tileK: array<vec4f, ${pass * vectors}>;
var<workgroup> tileV: array<vec4f, ${pass * vectors}>;
var<workgroup> ds: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${load('dO', E)} ${store('dq', E)} ${helpers}`,
    body: `${block('query')}
  ${fill(tile, stay, 'r < count', {
    tileQ: 'load_q(queryHead(queryStart, first + r, kvHead), j) * u.scale',
    tileDO: 'load_dO(queryHead(queryStart, first + r, kvHead), j)',
  })}
  let longest = visible((first + count - 1u) / u.groupSize, keys, queries);
  let limit = select(0, visible((first + row) / u.groupSize, keys, queries), row < count);
  let head = queryHead(queryStart, first + min(row, count - 1u), kvHead);
  let lse = statistics[2u * head];
  let delta = statistics[2u * head + 1u];
  ${declareHeld(tile, 'held')}
  for (var k0 = 0; k0 < longest; k0 += ${pass}) {
    workgroupBarrier();
    ${fill(tile, pass, 'k0 + i32(r) < keys', {
      tileK: 'load_k((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)',
      tileV: 'load_v((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)',
    })}
    workgroupBarrier();
    for (var c = part; c < ${pass}u && k0 + i32(c) < limit; c += 4u) {
      var score = 0.0;
      var dp = 0.0;
      for (var j = 0u; j < ${vectors}u; j++) {
        score += dot(tileQ[row * ${vectors}u + j], tileK[c * ${vectors}u + j]);
        dp += dot(tileDO[row * ${vectors}u + j], tileV[c * ${vectors}u + j]);
      }
      ds[row * ${pass}u + c] = exp(score - lse) * (dp - delta);
    }
    workgroupBarrier();
    for (var c = 0u; c < ${pass}u && k0 + i32(c) < limit; c++) {
      ${eachHeld(tile, (i, j) => `held${i} += ds[row * ${pass}u + c] * tileK[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  ${eachHeld(tile, (i, j) => `store_dq(head, ${j}, held${i} * u.scale);`)}`,
  })
})

/** dk = scale dsᵀ q, dv = pᵀ dO. A block of keys stays, the query rows that see any of them pass by. */
export const keyGradientProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  const type = elementType(E)
  return defineProgram({
    name: 'attention gradient of k and v',
    inputs: { q: type, k: type, v: type, dO: type, statistics: 'f32', blocks: 'i32' },
    outputs: { dk: type, dv: type },
    uniforms,
    lanes,
    declarations: `
var<workgroup> tileK: array<vec4f, ${stay * vectors}>;
var<workgroup> tileV: array<vec4f, ${stay * vectors}>;
var<workgroup> tileQ: array<vec4f, ${pass * vectors}>;
var<workgroup> tileDO: array<vec4f, ${pass * vectors}>;
var<workgroup> p: array<f32, ${stay * pass}>;
var<workgroup> ds: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${load('dO', E)} ${store('dk', E)} ${store('dv', E)} ${helpers}`,
    body: `${block('key')}
  ${fill(tile, stay, 'r < count', {
    tileK: 'load_k((keyStart + first + r) * u.kvHeads + kvHead, j) * u.scale',
    tileV: 'load_v((keyStart + first + r) * u.kvHeads + kvHead, j)',
  })}
  let rows = u32(queries) * u.groupSize;
  let key = i32(first + row);
  // Causal: queries before this one see none of the block.
  let earliest = select(0, max(0, i32(first) + queries - keys), u.causal == 1u);
  ${declareHeld(tile, 'heldK', 'heldV')}
  for (var r0 = u32(earliest) * u.groupSize; r0 < rows; r0 += ${pass}u) {
    workgroupBarrier();
    ${fill(tile, pass, 'r0 + r < rows', {
      tileQ: 'load_q(queryHead(queryStart, r0 + r, kvHead), j)',
      tileDO: 'load_dO(queryHead(queryStart, r0 + r, kvHead), j)',
    })}
    workgroupBarrier();
    for (var c = part; c < ${pass}u; c += 4u) {
      let slot = row * ${pass}u + c;
      p[slot] = 0.0;
      ds[slot] = 0.0;
      if (row < count && r0 + c < rows && key < visible((r0 + c) / u.groupSize, keys, queries)) {
        var score = 0.0;
        var dp = 0.0;
        for (var j = 0u; j < ${vectors}u; j++) {
          score += dot(tileK[row * ${vectors}u + j], tileQ[c * ${vectors}u + j]);
          dp += dot(tileV[row * ${vectors}u + j], tileDO[c * ${vectors}u + j]);
        }
        let head = queryHead(queryStart, r0 + c, kvHead);
        p[slot] = exp(score - statistics[2u * head]);
        ds[slot] = p[slot] * (dp - statistics[2u * head + 1u]);
      }
    }
    workgroupBarrier();
    for (var c = 0u; c < ${pass}u; c++) {
      let slot = row * ${pass}u + c;
      ${eachHeld(tile, (i, j) => `heldK${i} += ds[slot] * tileQ[c * ${vectors}u + ${j}]; heldV${i} += p[slot] * tileDO[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  let head = (keyStart + first + row) * u.kvHeads + kvHead;
  ${eachHeld(tile, (i, j) => `store_dk(head, ${j}, heldK${i} * u.scale); store_dv(head, ${j}, heldV${i});`)}`,
  })
})
