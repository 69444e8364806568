/**
 * Processors that shape or cut the distribution, as transformers' warpers do: values in float32, cut tokens become -Infinity.
 */
import type { LogitsProcessor } from './processors.ts'

/** Divide by the temperature, > 0: below 1 sharper, above 1 flatter. */
export function divideByTemperature(value: number): LogitsProcessor {
  const divisor = Math.fround(value)
  return (logits) => {
    for (let id = 0; id < logits.length; id++) logits[id]! /= divisor
  }
}

/** Keep the k largest, and all that equal the smallest of them. */
export function keepTopK(k: number): LogitsProcessor {
  return (logits) => {
    if (k >= logits.length) return
    const threshold = kthLargest(logits, k)
    cut(logits, (id) => logits[id]! < threshold)
  }
}

/** Keep the likeliest tokens that together first reach probability p; at least one. */
export function keepTopP(p: number): LogitsProcessor {
  const tail = Math.fround(1 - p)
  return (logits) => {
    const probabilities = softmax(logits)
    // Tokens less likely than this cannot reach the tail even all together: only the few others are put in order.
    const surely = tail / logits.length
    const likely = probabilities.filter((probability) => probability > surely).sort()
    let sum = 0
    for (const probability of probabilities) if (!(probability > surely)) sum += probability
    sum = Math.fround(sum)
    let dropped = 0
    while (dropped < likely.length - 1 && (sum = Math.fround(sum + likely[dropped]!)) <= tail) dropped++
    // Of tokens as likely as the least of those that stay, the first ones may go.
    const least = likely[dropped]!
    const ties: number[] = []
    for (let id = 0; id < logits.length; id++) {
      if (probabilities[id] === least) ties.push(id)
      else if (!(probabilities[id]! > least)) logits[id] = -Infinity
    }
    ties.sort((a, b) => logits[a]! - logits[b]!)
    for (const id of ties.slice(0, dropped - likely.indexOf(least))) logits[id] = -Infinity
  }
}

/** The k-th largest value, in time that grows with the number of values and not faster (quickselect). */
function kthLargest(values: Float32Array, k: number): number {
  const left = values.slice()
  const wanted = values.length - k
  let [low, high] = [0, values.length - 1]
  while (low < high) {
    const pivot = left[(low + high) >> 1]!
    let [i, j] = [low, high]
    while (i <= j) {
      while (left[i]! < pivot) i++
      while (left[j]! > pivot) j--
      if (i <= j) {
        const moved = left[i]!
        left[i++] = left[j]!
        left[j--] = moved
      }
    }
    if (wanted <= j) high = j
    else if (wanted >= i) low = i
    else break
  }
  return left[wanted]!
}

/** Keep tokens at least `p` times as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082). */
export function keepMinP(p: number): LogitsProcessor {
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
