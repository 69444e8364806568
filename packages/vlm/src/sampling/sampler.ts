/** Logits [V] -> the next token. */
import { ArgumentError, CasaError } from '@casa-js/base'
import { createRandom } from '@casa-js/core'
import { createProcessors, type SamplingOptions } from './processors.ts'
import { divideByTemperature, softmax } from './warpers.ts'

/** What a sampler remembers between tokens; survives JSON. */
export interface SamplerState {
  /** Random numbers drawn so far. */
  draws: number
  /** Of each logits processor, in order. */
  processors: number[][]
}

/** Chooses a token. A plain function does; with `save` and `load`, a stream that is resumed goes on as if it had never stopped. */
export interface Sampler {
  /**
   * @param logits Float32Array [V]; changed in place by the processors
   * @param ids all ids so far, the prompt included
   */
  (logits: Float32Array, ids: readonly number[]): number
  /**
   * Where the largest logits are enough to choose from. On a GPU only these are then read back, not the whole vocabulary. A sampler without it
   * is given all logits.
   */
  readonly shortlist?: Shortlist
  /** Whether it takes the largest logit, of equal ones the lower id. A GPU then finds the token, and 4 bytes are read back. */
  readonly greedy?: boolean
  save?(): SamplerState
  /** @throws ArgumentError for the state of a sampler with other options */
  load?(state: SamplerState): void
}

/** A choice among the largest logits: the same one that the sampler makes among all of them. */
export interface Shortlist {
  /** How many of the largest logits are wanted. */
  readonly count: number
  /**
   * @param values descending
   * @param ids of these values; of equal values the lower first
   * @returns the token's id; undefined when the values do not decide it, and then the sampler is given all logits
   */
  choose(values: Float32Array, ids: Int32Array): number | undefined
}

/**
 * A sampler for one stream: processors, then greedy or drawn. The same seed and logits give the same tokens on every device.
 *
 * @param options.seed 0 unless given
 */
export function createSampler(
  options: SamplingOptions & { seed?: number | undefined } = {},
): Sampler & Required<Pick<Sampler, 'save' | 'load'>> {
  const processors = createProcessors(options)
  let random = createRandom(options.seed ?? 0)
  let draws = 0
  const next = () => {
    draws++
    return random.next()
  }
  const sample = (logits: Float32Array, ids: readonly number[]): number => {
    for (const process of processors) process(logits, ids)
    return options.temperature ? draw(softmax(logits), next()) : likeliest(logits)
  }
  const shortlist = shortlistOf(options, next)
  return Object.assign(sample, {
    greedy: !needsAll(options) && !options.temperature,
    ...(shortlist && { shortlist }),
    save: (): SamplerState => ({ draws, processors: processors.map((process) => process.save?.() ?? []) }),
    load(state: SamplerState) {
      if (!(Number.isSafeInteger(state.draws) && state.draws >= 0) || state.processors.length !== processors.length)
        throw new ArgumentError(
          `this state is of a sampler with ${state.processors.length} processors after ${state.draws} draws; this one has ${processors.length} processors`,
        )
      processors.forEach((process, i) => process.load?.(state.processors[i]!))
      random = createRandom(options.seed ?? 0)
      for (let draw = 0; draw < state.draws; draw++) random.next()
      draws = state.draws
    },
  })
}

/** Most candidates for which selecting them on the device is cheaper than reading all logits. */
const mostCandidates = 64

/** Penalties change logits anywhere in the vocabulary. */
const needsAll = ({ repetitionPenalty, noRepeatNgram, emaPenalty, stopBias }: SamplingOptions): boolean =>
  [repetitionPenalty, noRepeatNgram, emaPenalty, stopBias].some((option) => option !== undefined)

/** Of top-k, the k largest logits; cuts by probability need them all. */
function shortlistOf(options: SamplingOptions, next: () => number): Shortlist | undefined {
  const { temperature, topK, topP, minP } = options
  if (!temperature || needsAll(options)) return undefined
  if (topK === undefined || topK > mostCandidates || topP !== undefined || minP !== undefined) return undefined
  const divide = divideByTemperature(temperature)
  return {
    // One more, to see whether the cut is between equal values: all of them then stay.
    count: topK + 1,
    choose(values, ids) {
      const divided = values.slice()
      divide(divided, [])
      if (values.length <= topK || !(divided[topK]! < divided[topK - 1]!) || !(values[topK - 1]! > lowest)) return undefined
      // In the order of ids, as the sampler adds them up.
      const order = Array.from({ length: topK }, (_, i) => i).sort((a, b) => ids[a]! - ids[b]!)
      const place = draw(softmax(Float32Array.from(order, (i) => divided[i]!)), next())
      return ids[order[place]!]
    },
  }
}

/** GPUs give this for logits that are -Infinity or not numbers. */
const lowest = -3.4028234e38

/**
 * The next token, checked.
 * @throws ArgumentError when the sampler gives anything but an id of the vocabulary
 */
export function chooseToken(sampler: Sampler, logits: Float32Array, ids: readonly number[]): number {
  return checkChoice(sampler(logits, ids), logits.length)
}

/** @throws ArgumentError unless it is the id of a token. */
export function checkChoice(id: number, vocabSize: number): number {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return id
  throw new ArgumentError(`the sampler chose ${id}: expected a token id of 0 to ${vocabSize - 1}`)
}

/** The first of the largest. */
export function likeliest(logits: Float32Array): number {
  let best = -1
  for (let id = 0; id < logits.length; id++) if (logits[id]! > (best < 0 ? -Infinity : logits[best]!)) best = id
  if (best < 0) {
    throw new CasaError(
      'no token can be chosen: all logits are -Infinity or NaN; check the weights, or loosen the logits processors',
    )
  }
  return best
}

/** The token at which the probabilities, summed in order of ids, pass `at` in [0, 1). */
function draw(probabilities: Float32Array, at: number): number {
  let rest = at
  let last = -1
  for (let id = 0; id < probabilities.length; id++) {
    if (!(probabilities[id]! > 0)) continue
    last = id
    rest -= probabilities[id]!
    if (rest < 0) return id
  }
  // Rounding may leave a remainder: it goes to the last possible token. If there is none, the logits were not numbers.
  return last >= 0 ? last : likeliest(probabilities.fill(NaN))
}
