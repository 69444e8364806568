import { partOf, type WasmContext, type WasmKernel } from '../../engine/wasm/kernel.ts'
import { longestOf, partOfQueries, workOf } from './queries.ts'
import type { AttentionAttributes, AttentionGradInputs, AttentionInputs } from './attributes.ts'

interface Layout {
  cuQ: number
  cuK: number
  segments: number
  /** Keys of the longest segment, which determines the size of scratch memory. */
  mostKeys: number
}

function layoutOf(call: Pick<WasmContext<never>, 'upload'>, cuQ: Int32Array, cuK: Int32Array): Layout {
  return { cuQ: call.upload(cuQ), cuK: call.upload(cuK), segments: cuQ.length - 1, mostKeys: longestOf(cuK) }
}

/** With at most this many rows of a key head, keys are read in place (attention-few.ts), and heads need not stay together. */
const fewRows = 12

/** The queries are split over threads; when decoding, with one or a few of them, the heads. */
export const attentionWasm: WasmKernel<AttentionInputs, AttentionAttributes> = (call, attributes) => {
  const [q, k, v] = call.inputs('q', 'k', 'v')
  const [Tq, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const o = call.output(q.shape)
  const lse = call.output([Tq, H])
  const causal = Number(attributes.causal)
  const { pairs, queriesFor } = workOf(attributes)
  /** Of all heads of a segment that has few: there may be such ones among others. */
  const rows = Math.min(longestOf(attributes.cuQ) * H, fewRows * K)
  const argumentsOf = (part: Pick<AttentionAttributes, 'cuQ' | 'cuK'>, h0: number, h1: number) => {
    const { cuQ, cuK, segments, mostKeys } = layoutOf(call, part.cuQ, part.cuK)
    return [
      ...[q.pointer, k.pointer, v.pointer, o, lse, cuQ, cuK, segments, H, K, E, causal, attributes.window, attributes.scale],
      ...[call.scratch(call.exports.attentionScratch(mostKeys, E, rows)), h0, h1],
    ]
  }
  const work = 2 * pairs * H * E
  if (longestOf(attributes.cuQ) * (H / K) <= fewRows) {
    call.share('attention', { count: H, work }, (begin, count) => argumentsOf(attributes, begin, begin + count))
  } else {
    const ends = call.shares(work).map(queriesFor)
    const parts = ends.map((end, i) =>
      ends.length === 1 ? attributes : partOfQueries(attributes, i === 0 ? 0 : ends[i - 1]!, end),
    )
    call.runTogether(
      'attention',
      parts.map((part) => argumentsOf(part, 0, H)),
    )
  }
}

/** Segments are split over threads if there are several for each; else the heads of the keys. */
export const attentionGradWasm: WasmKernel<AttentionGradInputs, AttentionAttributes> = (call, attributes) => {
  const [q, k] = call.inputs('q', 'k')
  const [v, o, lse, dO] = call.pointers('v', 'o', 'lse', 'dO')
  const [, H, E] = q.shape as [number, number, number]
  const [Tk, K] = k.shape as [number, number]
  const { causal, window, scale } = attributes
  const { cuQ, cuK, segments, mostKeys } = layoutOf(call, attributes.cuQ, attributes.cuK)
  const [dq, dk, dv] = [q.shape, k.shape, k.shape].map((shape) => call.output(shape)) as [number, number, number]
  const { pairs, queriesFor } = workOf(attributes)
  const work = 5 * pairs * H * E
  const argumentsOf = (s0: number, s1: number, kv0: number, kv1: number) => [
    ...[q.pointer, k.pointer, v, o, lse, dO, dq, dk, dv, partOf(cuQ, s0), partOf(cuK, s0), s1 - s0],
    // Keys beyond the last segment get their zeros with it.
    ...[s1 === segments ? Tk : attributes.cuK[s1]!, H, K, E, Number(causal), window, scale],
    ...[call.scratch(call.exports.attentionGradScratch(mostKeys, E)), kv0, kv1],
  ]
  const shares = call.shares(work)
  if (segments >= 2 * shares.length) {
    const ends = shares.map((share) => (share >= 1 ? segments : segmentOf(attributes.cuQ, queriesFor(share))))
    const parts = ends.map((end, i) => argumentsOf(i === 0 ? 0 : ends[i - 1]!, end, 0, K))
    call.runTogether('attentionGrad', parts)
  } else {
    call.share('attentionGrad', { count: K, work }, (begin, count) => argumentsOf(0, segments, begin, begin + count))
  }
}

/** The first segment that begins at this query or after it. */
const segmentOf = (cuQ: Int32Array, query: number): number => cuQ.findIndex((begin) => begin >= query)
