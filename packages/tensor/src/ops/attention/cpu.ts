import type { CpuKernel, Plain } from '../../engine/cpu.ts'
import type { AttentionAttributes, AttentionGradInputs, AttentionInputs } from './attributes.ts'

interface Row {
  /** Query token and head. */
  t: number
  h: number
  /** KV head. */
  kv: number
  /** Keys that the query sees: keys.begin .. keys.end. */
  begin: number
  end: number
}

/** Every (query, head) with the keys that it sees. */
function* rowsOfAttention(q: Plain, k: Plain, { cuQ, cuK, causal, window }: AttentionAttributes): Generator<Row> {
  const [, H] = q.shape as [number, number]
  const K = k.shape[1]!
  for (let segment = 0; segment + 1 < cuQ.length; segment++) {
    const first = cuK[segment]!
    for (let t = cuQ[segment]!; t < cuQ[segment + 1]!; t++) {
      // Aligned bottom-right: each query after this one hides one key.
      const hidden = causal ? cuQ[segment + 1]! - 1 - t : 0
      const end = Math.max(first, cuK[segment + 1]! - hidden)
      const begin = Math.max(first, end - window)
      for (let h = 0; h < H; h++) yield { t, h, kv: Math.floor((h * K) / H), begin, end }
    }
  }
}

const dot = (a: ArrayLike<number>, atA: number, b: ArrayLike<number>, atB: number, length: number): number => {
  let sum = 0
  for (let e = 0; e < length; e++) sum += a[atA + e]! * b[atB + e]!
  return sum
}

/** o = softmax(scale q kᵀ) v; lse = log of the sum of exponentials (0 for a row without keys). */
export const attentionCpu: CpuKernel<AttentionInputs, AttentionAttributes> = ({ q, k, v }, attributes) => {
  const [Tq, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const o = new Float32Array(Tq * H * E)
  const lse = new Float32Array(Tq * H)
  for (const { t, h, kv, begin, end } of rowsOfAttention(q, k, attributes)) {
    if (begin === end) continue
    const query = (t * H + h) * E
    const scores = Array.from(
      { length: end - begin },
      (_, j) => attributes.scale * dot(q.data, query, k.data, ((begin + j) * K + kv) * E, E),
    )
    const highest = scores.reduce((a, b) => Math.max(a, b))
    const weights = scores.map((score) => Math.exp(score - highest))
    const total = weights.reduce((a, b) => a + b)
    lse[t * H + h] = highest + Math.log(total)
    for (let e = 0; e < E; e++) {
      let sum = 0
      for (let j = 0; j < weights.length; j++) sum += weights[j]! * v.data[((begin + j) * K + kv) * E + e]!
      o[query + e] = sum / total
    }
  }
  return [
    { data: o, shape: q.shape },
    { data: lse, shape: [Tq, H] },
  ]
}

/** With p the probabilities: dv = pᵀ dO, ds = p * (dO vᵀ - dO.o), dq = scale ds k, dk = scale dsᵀ q. */
export const attentionGradCpu: CpuKernel<AttentionGradInputs, AttentionAttributes> = ({ q, k, v, o, lse, dO }, attributes) => {
  const [, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const dq = new Float64Array(q.data.length)
  const dk = new Float64Array(k.data.length)
  const dv = new Float64Array(v.data.length)
  for (const { t, h, kv, begin, end } of rowsOfAttention(q, k, attributes)) {
    const query = (t * H + h) * E
    const delta = dot(dO.data, query, o.data, query, E)
    for (let j = begin; j < end; j++) {
      const key = (j * K + kv) * E
      const p = Math.exp(attributes.scale * dot(q.data, query, k.data, key, E) - lse.data[t * H + h]!)
      const ds = attributes.scale * p * (dot(dO.data, query, v.data, key, E) - delta)
      for (let e = 0; e < E; e++) {
        dq[query + e]! += ds * k.data[key + e]!
        dk[key + e]! += ds * q.data[query + e]!
        dv[key + e]! += p * dO.data[query + e]!
      }
    }
  }
  return [
    { data: Float32Array.from(dq), shape: q.shape },
    { data: Float32Array.from(dk), shape: k.shape },
    { data: Float32Array.from(dv), shape: v.shape },
  ]
}
