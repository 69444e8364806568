/**
 * attention: softmax(scale q kᵀ) v for packed sequences and grouped heads, without ever storing a Tq x Tk matrix.
 *
 *   q [Tq,H,E]   k, v [Tk,K,E]   cuQ, cuK Int32Array [S+1]  ->  [Tq,H,E]
 *
 * Segment s: queries cuQ[s] .. cuQ[s+1] see keys cuK[s] .. cuK[s+1]. Query head h reads KV head floor(h K / H).
 * causal is aligned bottom-right: the last query sees every key of its segment, the one before it all but the last.
 * window W (with causal): of the keys that the causal mask allows, a query sees the last W: itself and the W - 1 before (sliding window
 * attention, Beltagy et al. 2020, arXiv:2004.05150; Mistral 7B, arXiv:2310.06825, section 2). Work grows with T W, not with T T.
 * Rows of k and v past the last boundary are never read, so a cache with spare capacity can be passed whole; their gradient is zero.
 * A query without keys gets zeros. The segment rules are those of varlen FlashAttention-2 (Dao 2023, arXiv:2307.08691),
 * and so is the gradient: it recomputes the probabilities from the saved log-sum-exp of each row.
 */
import { ArgumentError } from '@casa-js/base'
import { defineKernel } from '../../engine/kernel.ts'
import { dispose } from '../../engine/scope.ts'
import { record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { unbounded, type AttentionAttributes, type AttentionGradInputs, type AttentionInputs } from './attributes.ts'
import { attentionCpu, attentionGradCpu } from './cpu.ts'
import { attentionGradWasm, attentionWasm } from './wasm.ts'
import { attentionGradWebgpu, attentionWebgpu } from './webgpu.ts'

// Attention: q, k, v -> o [Tq,H,E], lse [Tq,H].   AttentionGrad: q, k, v, o, lse, dO -> dq, dk, dv.
const runAttention = /* @__PURE__ */ defineKernel<AttentionInputs, AttentionAttributes, [o: Tensor, lse: Tensor]>('Attention', {
  cpu: attentionCpu,
  wasm: attentionWasm,
  webgpu: attentionWebgpu,
})
const runAttentionGrad = /* @__PURE__ */ defineKernel<
  AttentionGradInputs,
  AttentionAttributes,
  [dq: Tensor, dk: Tensor, dv: Tensor]
>('AttentionGrad', {
  cpu: attentionGradCpu,
  wasm: attentionGradWasm,
  webgpu: attentionGradWebgpu,
})

export interface AttentionOptions {
  /** Segment boundaries over the queries and over the keys. */
  cuQ: Int32Array
  cuK: Int32Array
  causal: boolean
  /** Sliding window: a query sees at most this many keys, itself and those before it. Only with `causal`. Default: all of them. */
  window?: number | undefined
  /** Default 1 / sqrt(E). */
  scale?: number | undefined
}

/**
 * softmax(scale q kᵀ) v for packed sequences: q [Tq, H, E], k and v [Tk, K, E] give [Tq, H, E], float32. Query head h reads KV head
 * floor(h K / H). Segment s: queries cuQ[s] .. cuQ[s + 1] see keys cuK[s] .. cuK[s + 1]; with `causal`, aligned bottom-right: the last query
 * of a segment sees all of its keys, the one before it all but the last; with `window` at most that many of them. A query
 * without keys gives zeros. Rows of k and v beyond the last boundary are never read, so a cache with spare capacity may be passed
 * whole. No Tq x Tk matrix is ever stored (varlen FlashAttention-2, Dao 2023, arXiv:2307.08691).
 * @throws ArgumentError if shapes, boundaries or the window do not fit
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { cuQ, cuK, causal, window = Infinity } = options
  check(q, k, v, options)
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[2]!)
  const attributes: AttentionAttributes = { cuQ, cuK, causal, window: Math.min(window, unbounded), scale }
  const [o, lse] = runAttention({ q, k, v }, attributes)
  record([q, k, v], [o, lse], ([dO]) => runAttentionGrad({ q, k, v, o, lse, dO: dO! }, attributes))
  dispose(lse)
  return o
}

function check(q: Tensor, k: Tensor, v: Tensor, { cuQ, cuK, causal, window = Infinity }: AttentionOptions): void {
  const fail = (why: string) => {
    throw new ArgumentError(`attention: q [${q.shape}], k [${k.shape}], v [${v.shape}]: ${why}`)
  }
  if (q.rank !== 3 || k.rank !== 3) fail('expected [tokens, heads, head size]')
  const [Tq, H, E] = q.shape as [number, number, number]
  const [Tk, K, keySize] = k.shape as [number, number, number]
  if (k.shape.some((extent, i) => extent !== v.shape[i])) fail('k and v differ')
  if (E !== keySize) fail('head sizes differ')
  if (E === 0) fail('heads of no values')
  if (!((Number.isInteger(window) && window >= 1) || window === Infinity))
    fail(`window must be a whole number of keys, got ${window}`)
  if (window < Infinity && !causal) fail('a window needs causal: it is counted back from the query')
  if (H % K !== 0) fail('query heads must be a multiple of KV heads')
  if (cuQ.length !== cuK.length) fail(`${cuQ.length - 1} query segments but ${cuK.length - 1} key segments`)
  const rises = (cu: Int32Array) => cu[0] === 0 && cu.every((at, i) => i === 0 || at >= cu[i - 1]!)
  if (!rises(cuQ) || cuQ[cuQ.length - 1] !== Tq) fail(`cuQ [${cuQ}] must rise from 0 to ${Tq}`)
  if (!rises(cuK) || cuK[cuK.length - 1]! > Tk) fail(`cuK [${cuK}] must rise from 0 to at most ${Tk}`)
}
