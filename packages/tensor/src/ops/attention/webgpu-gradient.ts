/** WGSL of attention's gradient: it recomputes the probabilities from lse, in two programs, so that no atomics are needed. */
import { defineProgram, variants } from '../../engine/webgpu/program.ts'
import {
  add,
  block,
  declareHeld,
  eachHeld,
  elementType,
  fill,
  gradientUniforms,
  helpers,
  load,
  tileOf,
  rowAndPart,
} from './webgpu-tiles.ts'

/**
 * Of each query head the pair (lse, dO.o), so that the programs below bind one buffer for both. One invocation per head; the dot
 * product is computed in the same order as dO.v, so that a query with one key gets a gradient of exactly zero.
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

/** dq = scale ds k, ds = p * (dO vᵀ - dO.o). A block of query rows stays in place. */
export const queryGradientProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  const type = elementType(E)
  return defineProgram({
    name: 'attention gradient of q',
    inputs: { q: type, k: type, v: type, dO: type, statistics: 'f32', blocks: 'i32' },
    outputs: { dq: type },
    uniforms: gradientUniforms,
    lanes,
    declarations: `
var<workgroup> tileQ: array<vec4f, ${stay * vectors}>;
var<workgroup> tileDO: array<vec4f, ${stay * vectors}>;
var<workgroup> tileK: array<vec4f, ${pass * vectors}>;
var<workgroup> tileV: array<vec4f, ${pass * vectors}>;
var<workgroup> ds: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${load('dO', E)} ${add('dq', E)} ${helpers}`,
    body: `${block('query')} ${rowAndPart}
  ${fill(tile, stay, 'r < count', {
    tileQ: 'load_q(queryHead(queryStart, first + r, kvHead), j) * u.scale',
    tileDO: 'load_dO(queryHead(queryStart, first + r, kvHead), j)',
  })}
  let longest = visible((first + count - 1u) / u.groupSize, keys, diagonal);
  let limit = select(0, visible((first + row) / u.groupSize, keys, diagonal), row < count);
  let earliest = hidden((first + row) / u.groupSize, diagonal);
  let head = queryHead(queryStart, first + min(row, count - 1u), kvHead);
  let lse = statistics[2u * head];
  let delta = statistics[2u * head + 1u];
  ${declareHeld(tile, 'held')}
  for (var k0 = hidden(first / u.groupSize, diagonal) / ${pass} * ${pass}; k0 < longest; k0 += ${pass}) {
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
    for (var c = u32(max(0, earliest - k0)); c < ${pass}u && k0 + i32(c) < limit; c++) {
      ${eachHeld(tile, (i, j) => `held${i} += ds[row * ${pass}u + c] * tileK[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  ${eachHeld(tile, (i, j) => `add_dq(head, ${j}, held${i} * u.scale);`)}`,
  })
})

/** dk = scale dsᵀ q, dv = pᵀ dO. A block of keys stays in place, and the query rows that see any of them are loaded in tiles. */
export const keyGradientProgram = variants((E: number, stay: number, pass: number) => {
  const tile = tileOf(E, stay)
  const { vectors, lanes } = tile
  const type = elementType(E)
  return defineProgram({
    name: 'attention gradient of k and v',
    inputs: { q: type, k: type, v: type, dO: type, statistics: 'f32', blocks: 'i32' },
    outputs: { dk: type, dv: type },
    uniforms: gradientUniforms,
    lanes,
    declarations: `
var<workgroup> tileK: array<vec4f, ${stay * vectors}>;
var<workgroup> tileV: array<vec4f, ${stay * vectors}>;
var<workgroup> tileQ: array<vec4f, ${pass * vectors}>;
var<workgroup> tileDO: array<vec4f, ${pass * vectors}>;
var<workgroup> p: array<f32, ${stay * pass}>;
var<workgroup> ds: array<f32, ${stay * pass}>;
${load('q', E)} ${load('k', E)} ${load('v', E)} ${load('dO', E)} ${add('dk', E)} ${add('dv', E)} ${helpers}`,
    body: `${block('key')} ${rowAndPart}
  ${fill(tile, stay, 'r < count', {
    tileK: 'load_k((keyStart + first + r) * u.kvHeads + kvHead, j) * u.scale',
    tileV: 'load_v((keyStart + first + r) * u.kvHeads + kvHead, j)',
  })}
  let rows = u32(queries) * u.groupSize;
  let key = i32(first + row);
  // Queries before this one see none of the block.
  let earliest = max(0, i32(first) + 1 - diagonal);
  // For queries from this one on, every key of the block is outside their window.
  let latest = clamp(i32(first + count) + u.window - diagonal, 0, queries);
  ${declareHeld(tile, 'heldK', 'heldV')}
  for (var r0 = u32(earliest) * u.groupSize; r0 < u32(latest) * u.groupSize; r0 += ${pass}u) {
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
      if (row < count && r0 + c < rows && key < diagonal + i32((r0 + c) / u.groupSize) && key >= hidden((r0 + c) / u.groupSize, diagonal)) {
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
      ${eachHeld(tile, (i, j) => `heldK${i} += ds[slot] * tileQ[c * ${vectors}u + ${j}];`)}
      ${eachHeld(tile, (i, j) => `heldV${i} += p[slot] * tileDO[c * ${vectors}u + ${j}];`)}
    }
  }
  if (row >= count) { return; }
  let head = (keyStart + first + row) * u.kvHeads + kvHead;
  ${eachHeld(tile, (i, j) => `add_dk(head, ${j}, heldK${i} * u.scale); add_dv(head, ${j}, heldV${i});`)}`,
  })
})
