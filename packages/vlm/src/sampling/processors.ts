/**
 * Logits processors on the host, and the list that a set of options stands for.
 */
import { ConfigError } from '@casa-js/base'
import { type EmaPenaltyOptions, emaRepetitionPenalty, noRepeatNgram, repetitionPenalty } from './repetition.ts'
import { divideByTemperature, keepMinP, keepTopK, keepTopP } from './warpers.ts'

/**
 * Changes logits in place.
 *
 * @param logits Float32Array [V] of the token to come
 * @param ids all ids so far, the prompt included
 */
export interface LogitsProcessor {
  (logits: Float32Array, ids: readonly number[]): void
  /** What it remembers between tokens, as numbers for `load`; processors without memory have neither. */
  save?(): number[]
  /** @throws ArgumentError for numbers that `save` does not give */
  load?(numbers: readonly number[]): void
}

/** Bias some tokens: a positive logit is multiplied by the factor, a negative one divided. Below 1 makes them rarer. */
export function tokenBias(tokens: readonly number[], factor: number): LogitsProcessor {
  const weight = Math.fround(factor)
  return (logits) => {
    for (const id of tokens) logits[id] = logits[id]! < 0 ? logits[id]! / weight : logits[id]! * weight
  }
}

export interface SamplingOptions {
  /** 0, the default, is greedy: the likeliest token, whatever topK, topP and minP say. */
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  repetitionPenalty?: number
  noRepeatNgram?: { size: number; lastTokens?: number }
  emaPenalty?: Omit<EmaPenaltyOptions, 'exempt'>
  /** Factor on stop tokens' logits, see `tokenBias`. */
  stopBias?: number
  /** Stop tokens: what `stopBias` weighs; neither repetition penalty nor n-gram block touches them. */
  stopTokens?: readonly number[]
}

/** As CASA's live captions are sampled (its released script; casa-js measures frames at 2 per second, 448 px). */
export const captionSampling = {
  temperature: 0.4,
  topK: 256,
  emaPenalty: { penalty: 1.15, decay: 0.99, limit: 5 },
  noRepeatNgram: { size: 4, lastTokens: 60 },
  stopBias: 0.95,
} satisfies SamplingOptions

/**
 * The processors of these options in their fixed order: repetition, EMA, stop bias, n-grams, temperature, top-k, top-p, min-p.
 * An EMA penalty has state, so create the list once per stream and keep it across frames.
 *
 * @throws ConfigError naming the option that is out of range
 */
export function createProcessors(options: SamplingOptions): LogitsProcessor[] {
  checkSampling(options)
  const { stopTokens: exempt = [] } = options
  const list: LogitsProcessor[] = []
  if (options.repetitionPenalty !== undefined) list.push(repetitionPenalty(options.repetitionPenalty, { exempt }))
  if (options.emaPenalty) list.push(emaRepetitionPenalty({ ...options.emaPenalty, exempt }))
  if (options.stopBias !== undefined) list.push(tokenBias(exempt, options.stopBias))
  if (options.noRepeatNgram) list.push(noRepeatNgram(options.noRepeatNgram.size, { ...options.noRepeatNgram, exempt }))
  if (!options.temperature) return list
  list.push(divideByTemperature(options.temperature))
  if (options.topK !== undefined) list.push(keepTopK(options.topK))
  if (options.topP !== undefined) list.push(keepTopP(options.topP))
  if (options.minP !== undefined) list.push(keepMinP(options.minP))
  return list
}

function checkSampling(options: SamplingOptions): void {
  const check = (name: string, value: number | undefined, valid: (value: number) => boolean, expected: string): void => {
    if (value !== undefined && !valid(value)) throw new ConfigError(`sampling: ${name}`, `expected ${expected}, got ${value}`)
  }
  const positive = (value: number): boolean => value > 0 && value < Infinity
  const count = (value: number): boolean => Number.isInteger(value) && value > 0
  const share = (value: number): boolean => value > 0 && value <= 1
  check('temperature', options.temperature, (value) => value >= 0 && value < Infinity, 'a number of at least 0')
  check('topK', options.topK, count, 'a whole number above 0')
  check('topP', options.topP, share, 'a number above 0, at most 1')
  check('minP', options.minP, share, 'a number above 0, at most 1')
  check('repetitionPenalty', options.repetitionPenalty, positive, 'a number above 0')
  check('stopBias', options.stopBias, positive, 'a number above 0')
  check('noRepeatNgram.size', options.noRepeatNgram?.size, count, 'a whole number above 0')
  check('noRepeatNgram.lastTokens', options.noRepeatNgram?.lastTokens, count, 'a whole number above 0')
  check('emaPenalty.penalty', options.emaPenalty?.penalty, positive, 'a number above 0')
  check('emaPenalty.decay', options.emaPenalty?.decay, (value) => value > 0 && value < 1, 'a number between 0 and 1')
  check('emaPenalty.limit', options.emaPenalty?.limit, (value) => value >= 0, 'a number of at least 0')
}
