/**
 * Processors that shape or cut the distribution, as transformers' warpers do: values in float32, cut tokens become -Infinity.
 */
import type { LogitsProcessor } from './processors.ts'

/** Divide by the temperature, > 0: below 1 sharper, above 1 flatter. */
export function temperature(value: number): LogitsProcessor {
  const divisor = Math.fround(value)
  return (logits) => {
    for (let id = 0; id < logits.length; id++) logits[id]! /= divisor
  }
}

/** Keep the k largest, and all that equal the smallest of them. */
export function topK(k: number): LogitsProcessor {
  return (logits) => {
    if (k >= logits.length) return
    const threshold = Float32Array.from(logits).sort()[logits.length - k]!
    cut(logits, (id) => logits[id]! < threshold)
  }
}

/** Keep the likeliest tokens that together first reach probability p; at least one. */
export function topP(p: number): LogitsProcessor {
  const tail = Math.fround(1 - p)
  return (logits) => {
    const probabilities = softmax(logits)
    const ascending = Array.from(logits.keys()).sort((a, b) => logits[a]! - logits[b]!)
    let sum = 0
    for (const id of ascending.slice(0, -1)) {
      sum = Math.fround(sum + probabilities[id]!)
      if (sum > tail) break
      logits[id] = -Infinity
    }
  }
}

/** Keep tokens at least `p` times as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082). */
export function minP(p: number): LogitsProcessor {
  return (logits) => {
    const probabilities = softmax(logits)
    let best = 0
    for (const probability of probabilities) best = Math.max(best, probability)
    const threshold = Math.fround(Math.fround(p) * best)
    cut(logits, (id) => probabilities[id]! < threshold)
  }
}

/** Probabilities of logits [V]; tokens at -Infinity get 0. */
export function softmax(logits: Float32Array): Float32Array {
  let largest = -Infinity
  for (const value of logits) if (value > largest) largest = value
  const out = new Float32Array(logits.length)
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += out[id] = Math.exp(logits[id]! - largest)
  for (let id = 0; id < out.length; id++) out[id]! /= sum
  return out
}

function cut(logits: Float32Array, drop: (id: number) => boolean): void {
  for (let id = 0; id < logits.length; id++) if (drop(id)) logits[id] = -Infinity
}
