import type { WasmContext, WasmKernel } from '../../engine/wasm/kernel.ts'
import { partOfQueries, workOf } from './queries.ts'
import type { AttentionAttributes, AttentionGradInputs, AttentionInputs } from './attributes.ts'

interface Layout {
  cuQ: number
  cuK: number
  segments: number
  /** Keys of the longest segment, which determines the size of scratch memory. */
  mostKeys: number
}

function layoutOf(call: Pick<WasmContext<never>, 'upload'>, cuQ: Int32Array, cuK: Int32Array): Layout {
  const mostKeys = cuK.reduce((most, end, i) => (i === 0 ? 0 : Math.max(most, end - cuK[i - 1]!)), 0)
  return { cuQ: call.upload(cuQ), cuK: call.upload(cuK), segments: cuQ.length - 1, mostKeys }
}

/** The queries are split over threads. */
export const attentionWasm: WasmKernel<AttentionInputs, AttentionAttributes> = (call, attributes) => {
  const [q, k, v] = call.inputs('q', 'k', 'v')
  const [Tq, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const o = call.output(q.shape)
  const lse = call.output([Tq, H])
  const causal = Number(attributes.causal)
  const { pairs, queriesFor } = workOf(attributes)
  const ends = call.shares(2 * pairs * H * E).map(queriesFor)
  call.runTogether(
    'attention',
    ends.map((end, i) => {
      const part = i === 0 && ends.length === 1 ? attributes : partOfQueries(attributes, i === 0 ? 0 : ends[i - 1]!, end)
      const { cuQ, cuK, segments, mostKeys } = layoutOf(call, part.cuQ, part.cuK)
      return [
        ...[q.pointer, k.pointer, v.pointer, o, lse, cuQ, cuK, segments, H, K, E, causal, attributes.window, attributes.scale],
        call.scratch(call.exports.attentionScratch(mostKeys, E)),
      ]
    }),
  )
}

export const attentionGradWasm: WasmKernel<AttentionGradInputs, AttentionAttributes> = (call, attributes) => {
  const [q, k] = call.inputs('q', 'k')
  const [v, o, lse, dO] = call.pointers('v', 'o', 'lse', 'dO')
  const [, H, E] = q.shape as [number, number, number]
  const [Tk, K] = k.shape as [number, number]
  const { cuQ, cuK, segments, mostKeys } = layoutOf(call, attributes.cuQ, attributes.cuK)
  const scratch = call.scratch(call.exports.attentionGradScratch(mostKeys, E))
  const [dq, dk, dv] = [q.shape, k.shape, k.shape].map((shape) => call.output(shape)) as [number, number, number]
  const causal = Number(attributes.causal)
  call.exports.attentionGrad(
    ...[q.pointer, k.pointer, v, o, lse, dO, dq, dk, dv],
    ...[cuQ, cuK, segments, Tk, H, K, E, causal, attributes.window, attributes.scale, scratch],
  )
}
