/** WGSL of attention's forward pass. */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import { lowest } from '../../engine/webgpu/snippets.ts'
import {
  block,
  declareHeld,
  eachHeld,
  elementType,
  fill,
  forwardInterface,
  helpers,
  load,
  rowAndPart,
  store,
  tileOf,
} from './webgpu-tiles.ts'

/**
 * o and lse. A block of query rows stays in place, and tiles of keys, then of values, are loaded in turn.
 * `span` is a multiple of `pass`.
 */
export const forwardProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  return defineProgram({
    name: 'attention',
    ...forwardInterface(E),
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${stay * vectors}>;
var<workgroup> tileKV: array<vec4f, ${pass * vectors}>;
var<workgroup> scores: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${store('o', E)} ${helpers}`,
    body: `
  let slice = group % u.parts;
  let work = group / u.parts;
  ${block('query', 'work')} ${rowAndPart}
  ${fill(tile, stay, 'r < count', { tileQ: 'load_q(queryHead(queryStart, first + r, kvHead), j) * u.scale' })}
  let end = min(visible((first + count - 1u) / u.groupSize, keys, diagonal), i32((slice + 1u) * u.span));
  let limit = select(0, visible((first + row) / u.groupSize, keys, diagonal), row < count);
  let earliest = hidden((first + row) / u.groupSize, diagonal);
  // Keys that the block's first row does not see are not seen by any of its rows.
  let begin = max(i32(slice * u.span), hidden(first / u.groupSize, diagonal) / ${pass} * ${pass});
  var top = ${lowest};
  var sum = 0.0;
  ${declareHeld(tile, 'held')}
  for (var k0 = begin; k0 < end; k0 += ${pass}) {
    workgroupBarrier();
    ${fill(tile, pass, 'k0 + i32(r) < keys', { tileKV: 'load_k((keyStart + u32(k0) + r) * u.kvHeads + kvHead, j)' })}
    workgroupBarrier();
    for (var c = part; c < ${pass}u; c += 4u) {
      var score = 0.0;
      for (var j = 0u; j < ${vectors}u; j++) { score += dot(tileQ[row * ${vectors}u + j], tileKV[c * ${vectors}u + j]); }
      scores[row * ${pass}u + c] = select(${lowest}, score, k0 + i32(c) < limit && k0 + i32(c) >= earliest);
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
    for (var c = u32(max(0, earliest - k0)); c < ${pass}u && k0 + i32(c) < limit; c++) {
      let p = exp(scores[row * ${pass}u + c] - top);
      sum += p;
      ${eachHeld(tile, (i, j) => `held${i} += p * tileKV[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  let head = (u.firstPart + slice) * u.allHeads + queryHead(queryStart, first + row, kvHead);
  let share = select(0.0, 1.0 / max(sum, 1e-30), sum > 0.0);
  ${eachHeld(tile, (i, j) => `store_o(head, ${j}, held${i} * share);`)}
  if (part == 0u) { lse[head] = select(u.emptyLse, top + log(max(sum, 1e-30)), sum > 0.0); }`,
  })
})

const combineLanes = 64

/** Combines the results over parts of the keys, weighted by their share of the softmax. One invocation per vector. */
export const combineProgram = variants((E: number) => {
  const type = elementType(E)
  const vectors = Math.ceil(E / 4)
  return defineProgram({
    name: 'attention, parts',
    inputs: { partsOfO: type, partsOfLse: 'f32' },
    outputs: { o: type, lse: 'f32' },
    uniforms: { parts: 'u32', allHeads: 'u32' },
    lanes: combineLanes,
    declarations: `${load('partsOfO', E)} ${store('o', E)}`,
    body: `
  let head = (group * ${combineLanes}u + lane) / ${vectors}u;
  let j = (group * ${combineLanes}u + lane) % ${vectors}u;
  if (head >= u.allHeads) { return; }
  var top = ${lowest};
  for (var part = 0u; part < u.parts; part++) { top = max(top, partsOfLse[part * u.allHeads + head]); }
  var sum = 0.0;
  var total = vec4f();
  for (var part = 0u; part < u.parts && top > ${lowest}; part++) {
    let share = exp(partsOfLse[part * u.allHeads + head] - top);
    sum += share;
    total += share * load_partsOfO(part * u.allHeads + head, j);
  }
  store_o(head, j, total / max(sum, 1e-30));
  if (j == 0u) { lse[head] = select(0.0, top + log(max(sum, 1e-30)), sum > 0.0); }`,
  })
})

/** Workgroups that combineProgram needs. */
export const combineGroups = (allHeads: number, E: number): number => Math.ceil((allHeads * Math.ceil(E / 4)) / combineLanes)
