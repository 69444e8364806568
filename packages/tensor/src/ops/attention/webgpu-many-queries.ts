/**
 * WGSL of attention's forward pass for blocks of many rows. An invocation takes four rows, and with them two keys of a tile for the scores and
 * every X-th vector for the result, so that what it reads from workgroup memory is multiplied several times.
 */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { lowest, unrolled } from '../../engine/webgpu/snippets.ts'
import { block, forwardInterface, helpers, load, store } from './webgpu-tiles.ts'

/** Rows of a block, and keys of a tile; from the fastest down. */
const sizes = [
  [64, 32],
  [32, 32],
  [32, 16],
  [16, 16],
] as const
export type ManyQueries = (typeof sizes)[number]

/** An odd stride, so that neighbouring keys lie in different banks. */
const strideOf = (E: number) => Math.ceil(E / 4) | 1

const bytesOf = (E: number, [rows, keys]: ManyQueries) => 16 * (strideOf(E) * (rows + keys) + (keys * rows) / 4)

/** The largest block that fits, and that so many rows fill by half; undefined if none. */
export const manyQueriesFor = (E: number, rows: number, workgroupBytes: number): ManyQueries | undefined =>
  sizes.find((size) => bytesOf(E, size) <= workgroupBytes && 2 * rows >= size[0])

/** As forwardProgram. */
export const manyQueriesProgram = variants((E: number, rows: number, keys: number) => {
  const vectors = Math.ceil(E / 4)
  const stride = strideOf(E)
  const quads = rows / 4
  const across = keys / 2
  const lanes = quads * across
  const held = Math.ceil(vectors / across)
  const fill = (count: number, there: string, tile: string, value: string) => `
  for (var slot = lane; slot < ${count * vectors}u; slot += ${lanes}u) {
    let r = slot / ${vectors}u;
    let j = slot % ${vectors}u;
    var value = vec4f();
    if (${there}) { value = ${value}; }
    ${tile}[r * ${stride}u + j] = value;
  }`
  /** The vectors of the result that an invocation holds; past the head's end there is none. */
  const ofHeld = (i: number, statement: string) =>
    (i + 1) * across <= vectors ? statement : `if (x + ${i * across}u < ${vectors}u) { ${statement} }`
  const four = (f: (r: number, component: string) => string) => [...'xyzw'].map((component, r) => f(r, component))
  return defineProgram({
    name: `attention, ${rows} rows`,
    ...forwardInterface(E),
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${rows * stride}>;
var<workgroup> tileKV: array<vec4f, ${keys * stride}>;
// By key and four rows: shares of the softmax. In between, by x and four rows, what invocations reduce.
var<workgroup> shares: array<vec4f, ${keys * quads}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${store('o', E)} ${helpers}`,
    body: `
  let slice = group % u.parts;
  let work = group / u.parts;
  ${block('query', 'work')}
  let quad = lane / ${across}u;
  let x = lane % ${across}u;
  ${fill(rows, 'r < count', 'tileQ', 'load_q(queryHead(queryStart, first + r, kvHead), j) * u.scale')}
  let limits = vec4i(${four((r) => `select(0, visible((first + 4u * quad + ${r}u) / u.groupSize, keys, diagonal), 4u * quad + ${r}u < count)`).join(', ')});
  let earliest = vec4i(${four((r) => `hidden((first + 4u * quad + ${r}u) / u.groupSize, diagonal)`).join(', ')});
  let end = min(visible((first + count - 1u) / u.groupSize, keys, diagonal), i32((slice + 1u) * u.span));
  // Keys that the block's first row does not see are not seen by any of its rows.
  let begin = max(i32(slice * u.span), hidden(first / u.groupSize, diagonal) / ${keys} * ${keys});
  var top = vec4f(${lowest});
  var sum = vec4f();
  ${unrolled(held, (i) => four((r) => `var held${i}_${r} = vec4f();`).join(' '))}
  for (var k0 = begin; k0 < end; k0 += ${keys}) {
    workgroupBarrier();
    ${fill(keys, 'k0 + i32(r) < keys', 'tileKV', 'load_k((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)')}
    workgroupBarrier();
    var score0 = vec4f();
    var score1 = vec4f();
    for (var j = 0u; j < ${vectors}u; j++) {
      let key0 = tileKV[x * ${stride}u + j];
      let key1 = tileKV[(x + ${across}u) * ${stride}u + j];
      ${four((r) => `let q${r} = tileQ[(4u * quad + ${r}u) * ${stride}u + j];`).join(' ')}
      score0 += vec4f(${four((r) => `dot(q${r}, key0)`).join(', ')});
      score1 += vec4f(${four((r) => `dot(q${r}, key1)`).join(', ')});
    }
    let at0 = vec4i(k0 + i32(x));
    let at1 = at0 + vec4i(${across});
    let seen0 = (at0 < limits) & (at0 >= earliest);
    let seen1 = (at1 < limits) & (at1 >= earliest);
    score0 = select(vec4f(${lowest}), score0, seen0);
    score1 = select(vec4f(${lowest}), score1, seen1);
    shares[x * ${quads}u + quad] = max(score0, score1);
    workgroupBarrier();
    var highest = top;
    for (var other = 0u; other < ${across}u; other++) { highest = max(highest, shares[other * ${quads}u + quad]); }
    let shrink = exp(top - highest);
    top = highest;
    let share0 = select(vec4f(), exp(score0 - top), seen0);
    let share1 = select(vec4f(), exp(score1 - top), seen1);
    sum = sum * shrink + share0 + share1;
    ${unrolled(held, (i) => four((r, component) => `held${i}_${r} *= shrink.${component};`).join(' '))}
    workgroupBarrier();
    shares[x * ${quads}u + quad] = share0;
    shares[(x + ${across}u) * ${quads}u + quad] = share1;
    ${fill(keys, 'k0 + i32(r) < keys', 'tileKV', 'load_v((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)')}
    workgroupBarrier();
    for (var c = 0u; c < ${keys}u; c++) {
      let share = shares[c * ${quads}u + quad];
      ${unrolled(held, (i) => ofHeld(i, `let value${i} = tileKV[c * ${stride}u + x + ${i * across}u]; ${four((r, component) => `held${i}_${r} += share.${component} * value${i};`).join(' ')}`))}
    }
  }
  workgroupBarrier();
  shares[x * ${quads}u + quad] = sum;
  workgroupBarrier();
  var total = vec4f();
  for (var other = 0u; other < ${across}u; other++) { total += shares[other * ${quads}u + quad]; }
  ${four(
    (r, component) => `if (4u * quad + ${r}u < count) {
    let head = (u.firstPart + slice) * u.allHeads + queryHead(queryStart, first + 4u * quad + ${r}u, kvHead);
    let share = select(0.0, 1.0 / max(total.${component}, 1e-30), total.${component} > 0.0);
    ${unrolled(held, (i) => ofHeld(i, `store_o(head, x + ${i * across}u, held${i}_${r} * share);`))}
    if (x == 0u) { lse[head] = select(u.emptyLse, top.${component} + log(max(total.${component}, 1e-30)), total.${component} > 0.0); }
  }`,
  ).join('\n  ')}`,
  })
})
