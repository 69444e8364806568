/**
 * What the programs of attention share. A workgroup owns one block of rows of one KV head (`stay` of them, four invocations
 * each); tiles of `pass` rows of the other side are loaded into workgroup memory in turn. Heads are cut into V = ceil(E / 4) vectors; of a
 * row's result invocation `part` holds the vectors part, part + 4, ..
 */
import type { ElementType } from '../../engine/webgpu/program.ts'

export const uniforms = { heads: 'u32', kvHeads: 'u32', groupSize: 'u32', window: 'i32', scale: 'f32' } as const
/** accumulate 1: add to the existing gradients. */
export const gradientUniforms = { ...uniforms, accumulate: 'u32' } as const

/** Heads whose size is a multiple of four are bound as vectors. */
export const elementType = (E: number): ElementType => (E % 4 === 0 ? 'vec4<f32>' : 'f32')

/**
 * What the programs of the forward pass bind, so that any of them can be run. Of `parts` workgroups on the same rows each takes `span` keys
 * and writes a result of its own, `allHeads` after the one before, from `firstPart` on. A row without keys gets zeros and the lse `emptyLse`.
 */
export const forwardInterface = (E: number) => {
  const type = elementType(E)
  return {
    inputs: { q: type, k: type, v: type, blocks: 'i32' },
    outputs: { o: type, lse: 'f32' },
    uniforms: { ...uniforms, parts: 'u32', firstPart: 'u32', span: 'u32', allHeads: 'u32', emptyLse: 'f32' },
  } as const
}

/** Vector j of a head; zero past its end. `head` counts heads over all tokens. */
export const load = (name: string, E: number): string =>
  E % 4 === 0
    ? `fn load_${name}(head: u32, j: u32) -> vec4f { return ${name}[head * ${E / 4}u + j]; }`
    : `
fn one_${name}(head: u32, e: u32) -> f32 {
  if (e >= ${E}u) { return 0.0; }
  return ${name}[head * ${E}u + e];
}
fn load_${name}(head: u32, j: u32) -> vec4f {
  let e = 4u * j;
  return vec4f(one_${name}(head, e), one_${name}(head, e + 1u), one_${name}(head, e + 2u), one_${name}(head, e + 3u));
}`

export const store = (name: string, E: number, assign = '='): string =>
  E % 4 === 0
    ? `fn store_${name}(head: u32, j: u32, value: vec4f) { ${name}[head * ${E / 4}u + j] ${assign} value; }`
    : `
fn store_${name}(head: u32, j: u32, value: vec4f) {
  for (var i = 0u; i < 4u && 4u * j + i < ${E}u; i++) { ${name}[head * ${E}u + 4u * j + i] ${assign} value[i]; }
}`

/** Where several dispatches add up to one gradient: add_NAME(head, j, value). */
export const add = (name: string, E: number): string => `
${store(name, E)}
${store(name, E, '+=').replace('store_', 'more_')}
fn add_${name}(head: u32, j: u32, value: vec4f) {
  if (u.accumulate == 1u) { more_${name}(head, j, value); } else { store_${name}(head, j, value); }
}`

/**
 * The fields of a block, under the names that the bodies use. Rows of queries are (token, head of the group) pairs.
 * work: WGSL that counts blocks and KV heads.
 */
export const block = (side: 'query' | 'key', work = 'group'): string => `
  let at = ${work} / u.kvHeads * 6u;
  let kvHead = ${work} % u.kvHeads;
  let ${side}Start = u32(blocks[at]);
  let first = u32(blocks[at + 1u]);
  let count = u32(blocks[at + 2u]);
  let ${side === 'query' ? 'key' : 'query'}Start = u32(blocks[at + 3u]);
  let ${side === 'query' ? 'keys' : 'queries'} = blocks[at + 4u];
  let diagonal = blocks[at + 5u];`

/** Where four invocations share a row. */
export const rowAndPart = `
  let row = lane / 4u;
  let part = lane % 4u;`

export const helpers = `
// How many of the segment's keys query i sees.
fn visible(i: u32, keys: i32, diagonal: i32) -> i32 { return clamp(diagonal + i32(i), 0, keys); }
// The first of the keys that query i sees, if it sees any.
fn hidden(i: u32, diagonal: i32) -> i32 { return max(0, diagonal + i32(i) - u.window); }
// Where row r of a segment's queries lies, counted in heads.
fn queryHead(start: u32, r: u32, kvHead: u32) -> u32 {
  return (start + r / u.groupSize) * u.heads + kvHead * u.groupSize + r % u.groupSize;
}`

interface Tile {
  /** V */
  vectors: number
  /** Vectors of a row's result that one invocation holds. */
  held: number
  lanes: number
}

export const tileOf = (E: number, stay: number): Tile => ({ vectors: Math.ceil(E / 4), held: Math.ceil(E / 16), lanes: 4 * stay })

/** Fill a tile of `rows` rows: `value` for row r, vector j where the condition `there` holds, else zeros. */
export const fill = ({ vectors, lanes }: Tile, rows: number, there: string, values: Record<string, string>): string => `
  for (var slot = lane; slot < ${rows * vectors}u; slot += ${lanes}u) {
    let r = slot / ${vectors}u;
    let j = slot % ${vectors}u;
    let there = ${there};
    ${Object.entries(values)
      .map(([tile, value]) => `${tile}[slot] = vec4f(); if (there) { ${tile}[slot] = ${value}; }`)
      .join('\n    ')}
  }`

/**
 * A statement for every vector that this invocation holds: `i` counts them, `j` is their place in the head. Unrolled, so that
 * the values are variables, which every compiler keeps in registers.
 */
export const eachHeld = ({ held, vectors }: Tile, statement: (i: number, j: string) => string): string =>
  Array.from({ length: held }, (_, i) => {
    const j = i === 0 ? 'part' : `(part + ${4 * i}u)`
    return 4 * i + 3 < vectors ? statement(i, j) : `if (${j} < ${vectors}u) { ${statement(i, j)} }`
  }).join('\n      ')

/** Declare what eachHeld's statements add to. */
export const declareHeld = ({ held }: Tile, ...names: string[]): string =>
  names.flatMap((name) => Array.from({ length: held }, (_, i) => `var ${name}${i} = vec4f();`)).join(' ')
