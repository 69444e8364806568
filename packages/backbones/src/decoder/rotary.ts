/**
 * Scaled rotary positions: changed frequencies let a decoder trained on short texts read longer ones.
 *
 *   linear    every frequency is divided by a factor              Chen et al. 2023, arXiv:2306.15595
 *   dynamic   the base grows with the length of the text          "NTK-aware", transformers' dynamic
 *   yarn      low frequencies are divided, high ones kept, a ramp between; scores are scaled   Peng et al. 2023, arXiv:2309.00071
 *   llama3    the same with other bounds, in wavelengths          Llama 3.1, arXiv:2407.21783
 *
 * Numbers are rounded to float32 where transformers rounds them; fixtures/rotary.json has what it computes.
 */
import type { Fields } from '@casa-js/base'
import { inverseFrequencies } from '@casa-js/tensor'
import type { DecoderConfig } from './config.ts'

/** How a config scales its rotary positions. */
export type RotaryScaling =
  | { kind: 'linear'; factor: number }
  | { kind: 'dynamic'; factor: number }
  | {
      kind: 'yarn'
      factor: number
      /** Positions that the model was trained with before YaRN. */
      trainedPositions: number
      /** cos and sin are multiplied by it. */
      attentionFactor: number
      /** Rotations within the trained positions, above which a frequency is kept and below which it is divided. */
      betaFast: number
      betaSlow: number
      /** Whether the ramp starts and ends at whole pairs. */
      truncate: boolean
    }
  | { kind: 'llama3'; factor: number; lowFrequencyFactor: number; highFrequencyFactor: number; trainedPositions: number }

/** Names of the scalings, as rope_type has them. */
export const rotaryKinds = ['linear', 'dynamic', 'yarn', 'llama3'] as const

/**
 * The scaling that a config's rotary settings ask for.
 * @param settings `rope_parameters` or `rope_scaling`, whose rope_type is `kind`
 * @param trainedPositions unless the settings say it
 */
export function parseScaling(settings: Fields, kind: (typeof rotaryKinds)[number], trainedPositions: number): RotaryScaling {
  const factor = settings.number('factor')
  settings.require(factor >= 1, 'factor', 'expected a number of at least 1')
  if (kind === 'linear' || kind === 'dynamic') return { kind, factor }
  const trained = settings.integer('original_max_position_embeddings', { fallback: trainedPositions })
  if (kind === 'llama3') {
    const lowFrequencyFactor = settings.number('low_freq_factor')
    const highFrequencyFactor = settings.number('high_freq_factor')
    settings.require(highFrequencyFactor > lowFrequencyFactor, 'high_freq_factor', 'expected more than low_freq_factor')
    return { kind, factor, lowFrequencyFactor, highFrequencyFactor, trainedPositions: trained }
  }
  const [mscale, mscaleAll] = [settings.number('mscale', { fallback: 1 }), settings.number('mscale_all_dim', { fallback: 1 })]
  const grown = (by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1)
  const inferred = settings.has('mscale') && settings.has('mscale_all_dim') ? grown(mscale) / grown(mscaleAll) : grown(1)
  return {
    kind,
    factor,
    trainedPositions: trained,
    attentionFactor: settings.number('attention_factor', { fallback: inferred }),
    betaFast: settings.number('beta_fast', { fallback: 32 }),
    betaSlow: settings.number('beta_slow', { fallback: 1 }),
    truncate: settings.boolean('truncate', true),
  }
}

/** The spectrum of a pass: radians per position for each pair [E/2], and what cos and sin are multiplied by. */
export interface RotarySpectrum {
  frequencies: Float32Array
  magnitude: number
}

/**
 * The frequencies of a config's rotary positions.
 * @param positions the largest position of the pass, plus 1: only `dynamic` asks for it
 */
export function rotarySpectrum(
  config: Pick<DecoderConfig, 'headSize' | 'ropeTheta' | 'ropeScaling' | 'maxPositions'>,
  positions: number,
): RotarySpectrum {
  const { headSize, ropeTheta, ropeScaling: scaling } = config
  const plain = inverseFrequencies(headSize, ropeTheta)
  if (!scaling) return { frequencies: plain, magnitude: 1 }
  switch (scaling.kind) {
    case 'linear':
      return { frequencies: plain.map((f) => f / Math.fround(scaling.factor)), magnitude: 1 }
    case 'dynamic': {
      const length = Math.max(positions, config.maxPositions) / config.maxPositions
      const base = ropeTheta * (scaling.factor * length - (scaling.factor - 1)) ** (headSize / (headSize - 2))
      return { frequencies: inverseFrequencies(headSize, base), magnitude: 1 }
    }
    case 'yarn':
      return { frequencies: yarn(plain, headSize, ropeTheta, scaling), magnitude: scaling.attentionFactor }
    case 'llama3':
      return { frequencies: plain.map((f) => llama3(f, scaling)), magnitude: 1 }
  }
}

function yarn(
  plain: Float32Array,
  headSize: number,
  theta: number,
  scaling: Extract<RotaryScaling, { kind: 'yarn' }>,
): Float32Array {
  /** The pair that makes this many rotations within the trained positions. */
  const pairOf = (turns: number) =>
    (headSize * Math.log(scaling.trainedPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const [floor, ceil] = scaling.truncate ? [Math.floor, Math.ceil] : [(x: number) => x, (x: number) => x]
  const low = Math.max(0, floor(pairOf(scaling.betaFast)))
  const high = Math.min(headSize - 1, ceil(pairOf(scaling.betaSlow)))
  const width = low === high ? 0.001 : high - low
  return plain.map((f, pair) => {
    const divided = Math.min(1, Math.max(0, (pair - low) / width))
    return (f / scaling.factor) * divided + f * (1 - divided)
  })
}

function llama3(frequency: number, scaling: Extract<RotaryScaling, { kind: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, trainedPositions } = scaling
  const turns = (trainedPositions * frequency) / (2 * Math.PI)
  if (turns > high) return frequency
  if (turns < low) return frequency / factor
  const kept = (turns - low) / (high - low)
  return ((1 - kept) * frequency) / factor + kept * frequency
}
