/**
 * Processors against repetition. `exempt` tokens (the stop tokens) are left alone: penalising them could keep a turn from ever ending.
 */
import { ArgumentError } from '@casa-js/base'
import type { LogitsProcessor } from './processors.ts'

/** Every token seen so far is penalised by this factor, > 1 (Keskar et al. 2019, arXiv 1909.05858). */
export function repetitionPenalty(factor: number, options: { exempt?: readonly number[] } = {}): LogitsProcessor {
  const exempt = new Set(options.exempt)
  return (logits, ids) => {
    for (const id of new Set(ids)) if (id < logits.length && !exempt.has(id)) punish(logits, id, Math.fround(factor))
  }
}

/**
 * Forbid tokens that would repeat a run of `size` tokens.
 *
 * @param options.lastTokens look only at that many last ids; all unless given
 */
export function noRepeatNgram(size: number, options: { lastTokens?: number; exempt?: readonly number[] } = {}): LogitsProcessor {
  const { lastTokens = Infinity } = options
  const exempt = new Set(options.exempt)
  return (logits, ids) => {
    const end = ids.length
    const begin = Math.max(0, end - lastTokens)
    // The last size - 1 ids open the run that the next token would close; look for the same opening before.
    for (let at = begin; at + size <= end; at++) {
      let offset = 0
      while (offset < size - 1 && ids[at + offset] === ids[end - size + 1 + offset]) offset++
      const closing = ids[at + size - 1]!
      if (offset === size - 1 && !exempt.has(closing)) logits[closing] = -Infinity
    }
  }
}

export interface EmaPenaltyOptions {
  /** Penalty of a token per count; 1.15 in CASA's live captions. */
  penalty: number
  /** The decay of all counts per step; 0.99. */
  decay?: number
  /** Counts above this add no penalty; 5. */
  limit?: number
  exempt?: readonly number[]
}

/**
 * A decaying penalty: penalty ^ min(count, limit), where all counts decay at each step and then the last token's grows by 1.
 * It has state: create one per stream and call it once per sampled token.
 */
export function emaRepetitionPenalty(options: EmaPenaltyOptions): LogitsProcessor {
  const { penalty, limit = 5 } = options
  const decay = Math.fround(options.decay ?? 0.99)
  const exempt = new Set(options.exempt)
  /** Counts of tokens ever seen: few of a vocabulary. */
  const counts = new Map<number, number>()
  const process = (logits: Float32Array, ids: readonly number[]) => {
    for (const [id, count] of counts) counts.set(id, Math.fround(count * decay))
    const last = ids.at(-1)
    if (last !== undefined) counts.set(last, Math.fround((counts.get(last) ?? 0) + 1))
    for (const [id, count] of counts) {
      if (!exempt.has(id)) punish(logits, id, Math.fround(Math.pow(Math.fround(penalty), Math.min(count, limit))))
    }
  }
  return Object.assign(process, {
    /** id, count, id, count .. */
    save: () => [...counts].flat(),
    load(numbers: readonly number[]) {
      const isId = (value: number) => Number.isSafeInteger(value) && value >= 0
      if (numbers.length % 2 > 0 || !numbers.every((value, i) => (i % 2 === 0 ? isId(value) : value >= 0)))
        throw new ArgumentError(`the counts of a repetition penalty are ids and numbers in turn, found ${numbers.length} values`)
      counts.clear()
      for (let i = 0; i < numbers.length; i += 2) counts.set(numbers[i]!, numbers[i + 1]!)
    },
  })
}

function punish(logits: Float32Array, id: number, factor: number): void {
  logits[id] = logits[id]! < 0 ? logits[id]! * factor : logits[id]! / factor
}
