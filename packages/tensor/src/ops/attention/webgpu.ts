/**
 * Attention in tiles with an online softmax, and its gradient in two programs without atomics.
 *
 * Query heads that share a KV head are rows of one tile: row r of a segment is token floor(r / G) and head r mod G of the group
 * (G = H / K). So keys and values are read once for all of them, and decoding one token still fills several rows. Queries and keys beyond
 * one binding are processed in parts (webgpu-blocks.ts).
 */
import { DeviceError } from '@casa-js/base'
import type * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../engine/tensor.ts'
import type { Cut, TensorRange } from '../../engine/webgpu/cuts.ts'
import type { WebgpuTools, WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import { lowest } from '../../engine/webgpu/snippets.ts'
import { unbounded, type AttentionAttributes, type AttentionGradInputs, type AttentionInputs } from './attributes.ts'
import { longestOf } from './queries.ts'
import { keyBlocks, queryBlocks, type Blocks } from './webgpu-blocks.ts'
import { combineGroups, combineProgram, forwardProgram } from './webgpu-forward.ts'
import { manyQueriesFor, manyQueriesProgram } from './webgpu-many-queries.ts'
import { bytesOfOneQuery, keysTogether, mostHeads, oneQueryProgram } from './webgpu-one-query.ts'
import { keyGradientProgram, queryGradientProgram, statisticsProgram } from './webgpu-gradient.ts'

/** Rows that stay and rows that are loaded in turn, from the largest tiles down. */
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
export function tileFor(context: WebgpuTools, E: number, operands: number): [number, number] {
  const bytes = ([stay, pass]: [number, number]) => operands * (16 * Math.ceil(E / 4) * (stay + pass) + 4 * stay * pass)
  const fits = tiles.find((tile) => bytes(tile) <= context.workgroupBytes)
  if (fits) return fits
  const room = `${context.workgroupBytes} bytes of workgroup memory`
  throw new DeviceError(`attention: heads of ${E} values do not fit the ${room} of this WebGPU device`)
}

export const uniformsOf = (q: tf.TensorInfo, k: tf.TensorInfo, { causal, window, scale }: AttentionAttributes) => ({
  heads: q.shape[1]!,
  kvHeads: k.shape[1]!,
  groupSize: q.shape[1]! / k.shape[1]!,
  window: causal ? window : unbounded,
  scale,
})

/** Workgroups that keep a GPU busy. */
const enoughGroups = 256

interface Forward {
  program: ReturnType<typeof forwardProgram>
  /** Rows of a block. */
  stay: number
  /** The fewest keys worth a workgroup of its own. */
  fewestKeys: number
}

/** How the forward pass runs: a program for segments of at most one query, one for blocks of many rows, one for what fits neither. */
export function forwardFor(context: WebgpuTools, E: number, groupSize: number, cuQ: Int32Array): Forward {
  const longest = longestOf(cuQ)
  if (longest <= 1 && groupSize <= mostHeads && bytesOfOneQuery(E, groupSize) <= context.workgroupBytes)
    return { program: oneQueryProgram(E, groupSize), stay: groupSize, fewestKeys: keysTogether }
  const many = manyQueriesFor(E, longest * groupSize, context.workgroupBytes)
  if (many) return { program: manyQueriesProgram(E, many[0], many[1]), stay: many[0], fewestKeys: 128 }
  const [stay, pass] = tileFor(context, E, 1)
  return { program: forwardProgram(E, stay, pass), stay, fewestKeys: 128 }
}

export const attentionWebgpu: WebgpuKernel<AttentionInputs, AttentionAttributes> = (context, attributes) => {
  const [q, k, v] = context.inputs('q', 'k', 'v')
  const [Tq, H, E] = q.shape as [number, number, number]
  const [Tk, K] = k.shape as [number, number]
  const o = context.output(q.shape)
  const lse = context.output([Tq, H])
  const { program, stay, fewestKeys } = forwardFor(context, E, H / K, attributes.cuQ)
  const keyCuts = context.cut(Tk, K * E)
  const plans = context.cut(Tq, H * E * keyCuts.length, H).map((queryCut) => {
    const mostParts = Math.floor(context.bindingElements / Math.max(1, queryCut.count * H * E) / keyCuts.length)
    const pieces = keyCuts.map((keyCut) => {
      const blocks = queryBlocks(attributes, queryCut, keyCut, H / K, stay)
      return { keyCut, blocks, ...divideKeys(blocks, K, mostParts, fewestKeys) }
    })
    return { queryCut, pieces, parts: pieces.reduce((sum, { parts }) => sum + parts, 0) }
  })
  // A workgroup that sees all keys writes the result; partial results are combined.
  const room = plans.reduce((most, { parts, queryCut }) => (parts > 1 ? Math.max(most, parts * queryCut.count) : most), 0)
  const [partsOfO, partsOfLse] = [context.scratch([room, H, E]), context.scratch([room, H])]
  for (const { queryCut, pieces, parts } of plans) {
    const allHeads = queryCut.count * H
    const whole = { o: rowsOf(o, queryCut), lse: rowsOf(lse, queryCut) }
    const some = { begin: 0, count: parts * queryCut.count }
    const found = parts === 1 ? whole : { o: rowsOf(partsOfO, some), lse: rowsOf(partsOfLse, some) }
    let firstPart = 0
    for (const { keyCut, blocks, ...division } of pieces) {
      const given = { q: rowsOf(q, queryCut), k: rowsOf(k, keyCut), v: rowsOf(v, keyCut), blocks: context.upload(blocks.list) }
      const emptyLse = parts === 1 ? 0 : Number(lowest)
      const uniforms = { ...uniformsOf(q, k, attributes), ...division, firstPart, allHeads, emptyLse }
      context.run(program, { ...given, ...found }, uniforms, blocks.count * K * division.parts)
      firstPart += division.parts
    }
    if (parts > 1) {
      const bindings = { partsOfO: found.o, partsOfLse: found.lse, ...whole }
      context.run(combineProgram(E), bindings, { parts, allHeads }, combineGroups(allHeads, E))
    }
  }
  return [o, lse]
}

/** Few queries over many keys (decoding): several workgroups share the keys, so that more of the GPU is busy. */
export function divideKeys(
  { count, longest }: Blocks,
  kvHeads: number,
  mostParts: number,
  fewestKeys: number,
): { parts: number; span: number } {
  const most = Math.min(Math.floor(enoughGroups / Math.max(1, count * kvHeads)), Math.ceil(longest / fewestKeys), mostParts)
  if (most <= 1) return { parts: 1, span: longest }
  const span = Math.ceil(longest / most / fewestKeys) * fewestKeys
  return { parts: Math.ceil(longest / span), span }
}

export const attentionGradWebgpu: WebgpuKernel<AttentionGradInputs, AttentionAttributes> = (context, attributes) => {
  const [q, k, v, o, lse, dO] = context.inputs('q', 'k', 'v', 'o', 'lse', 'dO')
  const [Tq, H, E] = q.shape as [number, number, number]
  const [Tk, K] = k.shape as [number, number]
  const [dq, dk, dv] = [q, k, v].map(({ shape }) => context.output(shape)) as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo]
  const statistics = context.scratch([Tq, H, 2])
  const rowSplit = { rows: Tq * H, perRow: { o: E, dO: E, lse: 1, statistics: 2 }, rowsPerGroup: 64 }
  context.runRows(statisticsProgram(E), { o, dO, lse, statistics }, {}, rowSplit)
  const [stay, pass] = tileFor(context, E, 2)
  const queryCuts = context.cut(Tq, H * E, 2 * H)
  const keyCuts = context.cut(Tk, K * E)
  for (const [i, queryCut] of queryCuts.entries()) {
    for (const [j, keyCut] of keyCuts.entries()) {
      const given = {
        ...{ q: rowsOf(q, queryCut), dO: rowsOf(dO, queryCut), statistics: rowsOf(statistics, queryCut) },
        ...{ k: rowsOf(k, keyCut), v: rowsOf(v, keyCut) },
      }
      const uniforms = uniformsOf(q, k, attributes)
      const byQuery = queryBlocks(attributes, queryCut, keyCut, H / K, stay)
      const queryBindings = { ...given, blocks: context.upload(byQuery.list), dq: rowsOf(dq, queryCut) }
      context.run(
        queryGradientProgram(E, stay, pass),
        queryBindings,
        { ...uniforms, accumulate: Math.min(j, 1) },
        byQuery.count * K,
      )
      const byKey = keyBlocks(attributes, queryCut, keyCut, stay)
      const keyBindings = { ...given, blocks: context.upload(byKey.list), dk: rowsOf(dk, keyCut), dv: rowsOf(dv, keyCut) }
      context.run(keyGradientProgram(E, stay, pass), keyBindings, { ...uniforms, accumulate: Math.min(i, 1) }, byKey.count * K)
    }
  }
  return [dq, dk, dv]
}

/** Tokens of a cut, as a range. */
function rowsOf(tensor: tf.TensorInfo, { begin, count }: Cut): TensorRange {
  const width = sizeOf(tensor.shape.slice(1))
  return { tensor, begin: begin * width, length: count * width }
}
