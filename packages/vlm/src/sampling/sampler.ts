/** Logits [V] -> the next token. */
import { ArgumentError, CasaError } from '@casa-js/base'
import { createRandom } from '@casa-js/core'
import { createProcessors, type SamplingOptions } from './processors.ts'
import { softmax } from './warpers.ts'

/**
 * @param logits Float32Array [V]; changed in place by the processors
 * @param ids all ids so far, the prompt included
 */
export type Sampler = (logits: Float32Array, ids: readonly number[]) => number

/**
 * A sampler for one stream: processors, then greedy or drawn. The same seed and logits give the same tokens on every device.
 *
 * @param options.seed 0 unless given
 */
export function createSampler(options: SamplingOptions & { seed?: number | undefined } = {}): Sampler {
  const processors = createProcessors(options)
  const random = createRandom(options.seed ?? 0)
  return (logits, ids) => {
    for (const process of processors) process(logits, ids)
    return options.temperature ? draw(softmax(logits), random.next()) : likeliest(logits)
  }
}

/**
 * The next token, checked.
 * @throws ArgumentError when the sampler gives anything but an id of the vocabulary
 */
export function chooseToken(sampler: Sampler, logits: Float32Array, ids: readonly number[]): number {
  const id = sampler(logits, ids)
  if (Number.isInteger(id) && id >= 0 && id < logits.length) return id
  throw new ArgumentError(`the sampler chose ${id}: expected a token id of 0 to ${logits.length - 1}`)
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
