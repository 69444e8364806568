import { movingStep, partOf, type WasmContext, type WasmKernel } from '../../engine/wasm/kernel.ts'
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
/** Slices per thread: parts of the work take different times. */
const pieces = 2

/** No segment has more keys; it stays the same while no boundary passes a multiple of `movingStep`, and so does the split in a plan. */
const roundedLongest = (cu: Int32Array): number =>
  movingStep *
  cu.reduce(
    (most, end, i) => (i === 0 ? 0 : Math.max(most, Math.ceil(end / movingStep) - Math.floor(cu[i - 1]! / movingStep))),
    0,
  )

/** Queries are split over threads; when decoding, with one or a few of them, the keys of a single segment, or the heads. */
export const attentionWasm: WasmKernel<AttentionInputs, AttentionAttributes> = (call, attributes) => {
  const [q, k, v] = call.inputs('q', 'k', 'v')
  const [Tq, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const [o, lse] = [call.output(q.shape), call.output([Tq, H])]
  const { cuQ, cuK, causal, window, scale } = attributes
  const queries = longestOf(cuQ)
  /** Of all heads of a segment that has few: there may be such ones among others. */
  const rows = Math.min(queries * H, fewRows * K)
  const argumentsOf = ({ cuQ, cuK, segments, mostKeys }: Layout, toO = o, toLse = lse) => [
    ...[q.pointer, k.pointer, v.pointer, toO, toLse, cuQ, cuK, segments, H, K, E, Number(causal), window, scale],
    call.scratch(call.exports.attentionScratch(mostKeys, E, rows)),
  ]
  const noPart = [0, 1]
  if (queries * (H / K) > fewRows && Tq > 1) {
    const { pairs, queriesFor } = workOf(attributes)
    const work = 2 * pairs * H * E
    const count = call.shares(work, pieces).length
    // By key heads as far as there are enough: slices of the same one each pack its keys and values.
    const groups = Math.min(K, count)
    const cuts = Math.ceil(count / groups)
    const ends = Array.from({ length: cuts }, (_, i) => queriesFor((i + 1) / cuts))
    const slices = ends.flatMap((end, i) => {
      const part = ends.length === 1 ? attributes : partOfQueries(attributes, i === 0 ? 0 : ends[i - 1]!, end)
      const layout = layoutOf(call, part.cuQ, part.cuK)
      return Array.from({ length: groups }, (_, g) => {
        const [h0, h1] = [g, g + 1].map((n) => (H / K) * Math.floor((n * K) / groups)) as [number, number]
        return [...argumentsOf(layout), h0, h1, ...noPart]
      })
    })
    return call.runTogether('attention', slices, work)
  }
  const keys = roundedLongest(cuK)
  const layout = { cuQ: call.upload(cuQ), cuK: call.moving(cuK), segments: cuQ.length - 1, mostKeys: keys }
  const work = 2 * Tq * keys * H * E
  const parts = Math.min(call.shares(work, pieces).length, keys / movingStep - 1)
  const isFew = queries * (H / K) <= fewRows
  if (parts < 2 || cuQ.length > 2 || cuQ[0] !== 0 || window < keys || !isFew)
    return call.share('attention', { count: H, work, unit: isFew ? 1 : H / K }, (begin, count) => [
      ...[...argumentsOf(layout), begin, begin + count, ...noPart],
    ])
  const partsOfO = call.scratch(4 * parts * Tq * H * E)
  const partsOfLse = call.scratch(4 * parts * Tq * H)
  const slices = Array.from({ length: parts }, (_, i) => [
    ...argumentsOf(layout, partOf(partsOfO, i * Tq * H * E), partOf(partsOfLse, i * Tq * H)),
    ...[0, H, i, parts],
  ])
  call.runTogether('attention', slices, work)
  call.run('joinAttention', partsOfO, partsOfLse, parts, Tq * H, E, o, lse)
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
    call.runTogether('attentionGrad', parts, work)
  } else {
    call.share('attentionGrad', { count: K, work }, (begin, count) => argumentsOf(0, segments, begin, begin + count))
  }
}

/** The first segment that begins at this query or after it. */
const segmentOf = (cuQ: Int32Array, query: number): number => cuQ.findIndex((begin) => begin >= query)
