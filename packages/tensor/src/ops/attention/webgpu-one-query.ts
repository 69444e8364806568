/**
 * WGSL of attention for segments of one query, as in decoding. A workgroup takes the query heads that share a KV head and a share of the
 * keys: scores with four invocations per key, then the values with an invocation for each vector of the result and a slice of the keys.
 */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { lowest, unrolled } from '../../engine/webgpu/snippets.ts'
import { block, forwardInterface, helpers, load, rowAndPart, store } from './webgpu-tiles.ts'

const lanes = 256
/** Keys that are looked at together. */
export const keysTogether = 64
/** Invocations that share a maximum. */
const eighths = 8

interface Shape {
  /** Query heads of a KV head. */
  groupSize: number
  vectors: number
  items: number
  /** Slices of the keys: invocations that share a vector of the result. */
  slices: number
  /** Vectors of the result that an invocation holds. */
  held: number
}

function shapeOf(E: number, groupSize: number): Shape {
  const vectors = Math.ceil(E / 4)
  const items = groupSize * vectors
  const slices = 2 ** Math.max(0, Math.min(4, Math.floor(Math.log2(lanes / items))))
  return { groupSize, vectors, items, slices, held: Math.ceil(items / (lanes / slices)) }
}

/** Bytes of workgroup memory that the program needs. */
export function bytesOfOneQuery(E: number, groupSize: number): number {
  const { items } = shapeOf(E, groupSize)
  return 16 * items + 20 * groupSize * keysTogether + 4 * groupSize * eighths + 20 * lanes
}

/** Most query heads of a KV head. */
export const mostHeads = lanes / eighths

/** As forwardProgram, for blocks of `groupSize` rows. */
export const oneQueryProgram = variants((E: number, groupSize: number) => {
  const { vectors, items, slices, held } = shapeOf(E, groupSize)
  const heads = Array.from({ length: groupSize }, (_, g) => g)
  const across = lanes / slices
  const each = (statement: (i: number) => string) => unrolled(held, statement)
  return defineProgram({
    name: 'attention, one query',
    ...forwardInterface(E),
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${items}>;
var<workgroup> quarters: array<f32, ${groupSize * keysTogether * 4}>;
var<workgroup> scores: array<f32, ${groupSize * keysTogether}>;
var<workgroup> tops: array<f32, ${groupSize * eighths}>;
var<workgroup> shares: array<vec4f, ${lanes}>;
var<workgroup> sums: array<f32, ${lanes}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${store('o', E)} ${helpers}`,
    body: `
  let slice = group % u.parts;
  let work = group / u.parts;
  ${block('query', 'work')} ${rowAndPart}
  let token = first / u.groupSize;
  let begin = max(i32(slice * u.span), hidden(token, diagonal));
  let end = select(0, min(visible(token, keys, diagonal), i32((slice + 1u) * u.span)), count > 0u);
  for (var slot = lane; slot < ${items}u; slot += ${lanes}u) {
    tileQ[slot] = load_q(queryHead(queryStart, first + slot / ${vectors}u, kvHead), slot % ${vectors}u) * u.scale;
  }
  let s = lane / ${across}u;
  ${each((i) => `let item${i} = min(lane % ${across}u + ${i * across}u, ${items - 1}u); var top${i} = ${lowest}; var sum${i} = 0.0; var held${i} = vec4f();`)}
  for (var k0 = begin; k0 < end; k0 += ${keysTogether}) {
    workgroupBarrier();
    ${heads.map((g) => `var dot${g} = 0.0;`).join(' ')}
    if (k0 + i32(row) < end) {
      let head = (keyStart + u32(k0) + row) * u.kvHeads + kvHead;
      for (var j = part; j < ${vectors}u; j += 4u) {
        let key = load_k(head, j);
        ${heads.map((g) => `dot${g} += dot(tileQ[${g * vectors}u + j], key);`).join(' ')}
      }
    }
    ${heads.map((g) => `quarters[${g * keysTogether * 4}u + lane] = dot${g};`).join(' ')}
    workgroupBarrier();
    for (var slot = lane; slot < ${groupSize * keysTogether}u; slot += ${lanes}u) {
      let score = quarters[4u * slot] + quarters[4u * slot + 1u] + quarters[4u * slot + 2u] + quarters[4u * slot + 3u];
      scores[slot] = select(${lowest}, score, k0 + i32(slot % ${keysTogether}u) < end);
    }
    workgroupBarrier();
    if (lane < ${groupSize * eighths}u) {
      var highest = scores[${keysTogether / eighths}u * lane];
      for (var i = 1u; i < ${keysTogether / eighths}u; i++) { highest = max(highest, scores[${keysTogether / eighths}u * lane + i]); }
      tops[lane] = highest;
    }
    workgroupBarrier();
    let last = u32(end - k0) - 1u;
    ${each(
      (i) => `{
      let g = item${i} / ${vectors}u;
      let j = item${i} % ${vectors}u;
      var highest = top${i};
      for (var e = 0u; e < ${eighths}u; e++) { highest = max(highest, tops[g * ${eighths}u + e]); }
      let shrink = exp(top${i} - highest);
      top${i} = highest;
      sum${i} *= shrink;
      held${i} *= shrink;
      for (var n = 0u; n < ${keysTogether / slices}u; n++) {
        let c = s + n * ${slices}u;
        let p = exp(scores[g * ${keysTogether}u + c] - highest);
        sum${i} += p;
        held${i} += p * load_v((keyStart + u32(k0) + min(c, last)) * u.kvHeads + kvHead, j);
      }
    }`,
    )}
  }
  ${
    slices > 1
      ? `shares[lane] = held0;
  sums[lane] = sum0;
  workgroupBarrier();
  for (var other = 1u; other < ${slices}u; other++) {
    held0 += shares[(lane + other * ${across}u) % ${lanes}u];
    sum0 += sums[(lane + other * ${across}u) % ${lanes}u];
  }`
      : ''
  }
  if (s > 0u || count == 0u) { return; }
  ${each(
    (i) => `if (lane % ${across}u + ${i * across}u < ${items}u) {
    let head = (u.firstPart + slice) * u.allHeads + queryHead(queryStart, first + item${i} / ${vectors}u, kvHead);
    store_o(head, item${i} % ${vectors}u, held${i} * select(0.0, 1.0 / max(sum${i}, 1e-30), sum${i} > 0.0));
    if (item${i} % ${vectors}u == 0u) { lse[head] = select(u.emptyLse, top${i} + log(max(sum${i}, 1e-30)), sum${i} > 0.0); }
  }`,
  )}`,
  })
})
