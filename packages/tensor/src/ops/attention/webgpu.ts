/**
 * Attention in tiles with an online softmax, and its gradient in two programs without atomics.
 *
 * Query heads that share a KV head are rows of one tile: row r of a segment is token floor(r / G) and head r mod G of the group
 * (G = H / K). So keys and values are read once for all of them, and decoding one token still fills rows.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuContext, WebgpuKernel } from '../../engine/webgpu.ts'
import { lowest } from '../../engine/webgpu-snippets.ts'
import type { AttentionAttributes } from './index.ts'
import { combineGroups, combineProgram, forwardProgram } from './webgpu-forward.ts'
import { keyGradientProgram, queryGradientProgram, statisticsProgram } from './webgpu-gradient.ts'

/** Rows that stay and rows that pass by, from the largest tiles down. */
const tiles: [stay: number, pass: number][] = [
  [32, 16],
  [16, 16],
  [16, 8],
  [8, 8],
  [8, 4],
  [4, 4],
  [4, 2],
]

/**
 * The largest tiles that fit the device's workgroup memory.
 * @param operands tiles of vectors on either side: 1 (forward) or 2 (gradients); as many tables of scores.
 */
function tileFor(context: WebgpuContext, E: number, operands: number): [number, number] {
  const bytes = ([stay, pass]: [number, number]) => operands * (16 * Math.ceil(E / 4) * (stay + pass) + 4 * stay * pass)
  const fits = tiles.find((tile) => bytes(tile) <= context.workgroupBytes)
  if (fits) return fits
  const room = `${context.workgroupBytes} bytes of workgroup memory`
  throw new Error(`attention: heads of ${E} values do not fit the ${room} of this WebGPU device`)
}

interface Stretch {
  /** First token of the segment, and its rows (or keys) to cut into blocks. */
  start: number
  rows: number
  /** First token of the other side, and both lengths in tokens. */
  otherStart: number
  keys: number
  queries: number
}

/** Six integers a block, as the programs read them: segment start, first row, rows, other side's start, keys, queries. */
function blocksOf(stretches: Stretch[], stay: number): Int32Array {
  const blocks: number[] = []
  for (const { start, rows, otherStart, keys, queries } of stretches) {
    for (let first = 0; first < rows; first += stay) {
      blocks.push(start, first, Math.min(stay, rows - first), otherStart, keys, queries)
    }
  }
  return Int32Array.from(blocks)
}

function queryBlocks({ cuQ, cuK }: AttentionAttributes, groupSize: number, stay: number): Int32Array {
  const segments = Array.from(cuQ.subarray(1), (end, s) => {
    const queries = end - cuQ[s]
    return { start: cuQ[s], rows: queries * groupSize, otherStart: cuK[s], keys: cuK[s + 1] - cuK[s], queries }
  })
  return blocksOf(segments, stay)
}

/** Keys past the last boundary are a segment that no query sees: their gradients are written, as zeros. */
function keyBlocks({ cuQ, cuK }: AttentionAttributes, Tk: number, stay: number): Int32Array {
  const segments = Array.from(cuK.subarray(1), (end, s) => {
    const keys = end - cuK[s]
    return { start: cuK[s], rows: keys, otherStart: cuQ[s], keys, queries: cuQ[s + 1] - cuQ[s] }
  })
  const seen = cuK[cuK.length - 1]
  segments.push({ start: seen, rows: Tk - seen, otherStart: 0, keys: Tk - seen, queries: 0 })
  return blocksOf(segments, stay)
}

const uniformsOf = (q: tf.TensorInfo, k: tf.TensorInfo, { causal, scale }: AttentionAttributes) => ({
  heads: q.shape[1],
  kvHeads: k.shape[1],
  groupSize: q.shape[1] / k.shape[1],
  causal: causal ? 1 : 0,
  scale,
})

/** Workgroups that keep a GPU busy, and the fewest keys worth a workgroup of its own. */
const enoughGroups = 256
const fewestKeys = 128

export const attentionWebgpu: WebgpuKernel<AttentionAttributes> = (context, attributes) => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => context.input(name))
  const [Tq, H, E] = q.shape
  const K = k.shape[1]
  const o = context.output(q.shape)
  const lse = context.output([Tq, H])
  const [stay, pass] = tileFor(context, E, 1)
  const list = queryBlocks(attributes, H / K, stay)
  const bindings = { q, k, v, blocks: context.upload(list) }
  const groups = (list.length / 6) * K
  const { parts, span } = divideKeys(list, groups)
  const allHeads = Tq * H
  const uniforms = { ...uniformsOf(q, k, attributes), parts, span, allHeads }
  const program = forwardProgram(E, stay, pass)
  if (parts === 1) {
    context.run(program, { ...bindings, o, lse }, { ...uniforms, emptyLse: 0 }, groups)
  } else {
    const [partsOfO, partsOfLse] = [context.scratch([parts, Tq, H, E]), context.scratch([parts, Tq, H])]
    context.run(program, { ...bindings, o: partsOfO, lse: partsOfLse }, { ...uniforms, emptyLse: Number(lowest) }, groups * parts)
    context.run(combineProgram(E), { partsOfO, partsOfLse, o, lse }, { parts, allHeads }, combineGroups(allHeads, E))
  }
  return [o, lse]
}

/** Few queries over many keys (decoding): several workgroups share the keys, so that more of a GPU works. */
function divideKeys(blocks: Int32Array, groups: number): { parts: number; span: number } {
  let longest = 0
  for (let at = 4; at < blocks.length; at += 6) longest = Math.max(longest, blocks[at])
  const most = Math.min(Math.floor(enoughGroups / Math.max(1, groups)), Math.ceil(longest / fewestKeys))
  if (most <= 1) return { parts: 1, span: longest }
  const span = Math.ceil(longest / most / fewestKeys) * fewestKeys
  return { parts: Math.ceil(longest / span), span }
}

export const attentionGradWebgpu: WebgpuKernel<AttentionAttributes> = (context, attributes) => {
  const [q, k, v, o, lse, dO] = ['q', 'k', 'v', 'o', 'lse', 'dO'].map((name) => context.input(name))
  const [Tq, H, E] = q.shape
  const [Tk, K] = k.shape
  const [dq, dk, dv] = [q, k, v].map(({ shape }) => context.output(shape))
  const statistics = context.scratch([Tq, H, 2])
  const rowSplit = { rows: Tq * H, perRow: { o: E, dO: E, lse: 1, statistics: 2 }, rowsPerGroup: 64 }
  context.runRows(statisticsProgram(E), { o, dO, lse, statistics }, {}, rowSplit)
  const [stay, pass] = tileFor(context, E, 2)
  const uniforms = uniformsOf(q, k, attributes)
  const byQuery = queryBlocks(attributes, H / K, stay)
  const queryBindings = { q, k, v, dO, statistics, blocks: context.upload(byQuery), dq }
  context.run(queryGradientProgram(E, stay, pass), queryBindings, uniforms, (byQuery.length / 6) * K)
  const byKey = keyBlocks(attributes, Tk, stay)
  const keyBindings = { q, k, v, dO, statistics, blocks: context.upload(byKey), dk, dv }
  context.run(keyGradientProgram(E, stay, pass), keyBindings, uniforms, (byKey.length / 6) * K)
  return [dq, dk, dv]
}
