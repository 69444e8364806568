/**
 * The angles of rotary positions (Su et al. 2021): token t rotates pair i of a head by positions[t] * theta^(-2i / E).
 *
 * Each section, a run of pairs, has its own position row:
 *   M-RoPE (Qwen2-VL, section 2.1): rows (time, height, width), sections like [16, 24, 24], one spectrum over all E/2 pairs;
 *   2-D rotary of vision towers: rows (height, width), sections [E/4, E/4], `restart`: each section restarts the spectrum.
 */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from '../../engine/tensor.ts'
import { noteCall, type TracedKernel } from '../../engine/trace.ts'

/** Rotary angles of T tokens; cos, sin [T, E/2]. The caller disposes both. */
export interface RopeTable {
  cos: Tensor
  sin: Tensor
}

export interface RopeTableOptions {
  /** E, even. */
  headSize: number
  /** Base of the spectrum: 10,000 in the paper. */
  theta?: number | undefined
  /** The frequencies themselves, [E/2] radians per position, instead of those of theta: for scaled rotary positions. */
  frequencies?: Float32Array | undefined
  /** cos and sin are multiplied by it, and so scores by its square (YaRN's attention factor). Default 1. */
  magnitude?: number | undefined
  /** Pairs that each row of positions rotates, in order; they add up to E/2. */
  sections?: readonly number[]
  /** Each section uses its own spectrum, theta^(-j / section), instead of its part of the common one. */
  restart?: boolean
}

/**
 * The angles of T tokens: cos, sin [T, E/2] in float32. The caller disposes both.
 * @param positions one row Int32Array [T], or one row per section; a single row stands for equal rows
 * @throws ArgumentError if the sections do not add up to half a head, rows and sections do not match, or there is no spectrum
 */
export function ropeTable(positions: Int32Array | readonly Int32Array[], options: RopeTableOptions): RopeTable {
  const { headSize, restart = false, magnitude = 1 } = options
  const pairs = headSize / 2
  const sections = options.sections ?? [pairs]
  if (!Number.isInteger(pairs) || pairs < 1)
    throw new ArgumentError(`ropeTable: headSize must be even and positive, got ${headSize}`)
  if (sections.reduce((a, b) => a + b, 0) !== pairs) {
    throw new ArgumentError(`ropeTable: sections [${sections}] must add up to half the head size, ${pairs}`)
  }
  const spectrum = spectrumOf(options, sections, restart)
  const rows = positions instanceof Int32Array ? sections.map(() => positions) : positions
  const tokens = rows[0]?.length ?? 0
  if (rows.length !== sections.length || rows.some((row) => row.length !== tokens)) {
    throw new ArgumentError(
      `ropeTable: ${rows.length} rows of [${rows.map((row) => row.length)}] positions for ${sections.length} sections`,
    )
  }
  const attributes: RopeTableAttributes = { rows, sections, spectrum, magnitude }
  const angles = ropeAngles(attributes)
  const table = { cos: tf.tensor2d(angles.cos, [tokens, pairs]), sin: tf.tensor2d(angles.sin, [tokens, pairs]) }
  noteCall('RopeTable', tracedTable, {}, attributes, [table.cos, table.sin])
  return table
}

/** What a table is computed from. */
export interface RopeTableAttributes {
  /** Positions [T] of each section. */
  rows: readonly Int32Array[]
  /** Pairs of each section. */
  sections: readonly number[]
  /** Radians per position, [E/2]. */
  spectrum: Float32Array
  magnitude: number
}

/** cos and sin on the host, [T, E/2] each. */
export function ropeAngles({ rows, sections, spectrum, magnitude }: RopeTableAttributes) {
  const pairs = spectrum.length
  const tokens = rows[0]?.length ?? 0
  const cos = new Float32Array(tokens * pairs)
  const sin = new Float32Array(tokens * pairs)
  let pair = 0
  sections.forEach((size, section) => {
    for (let j = 0; j < size; j++, pair++) {
      const frequency = spectrum[pair]!
      for (let t = 0; t < tokens; t++) {
        const angle = Math.fround(rows[section]![t]! * frequency)
        cos[t * pairs + pair] = magnitude * Math.cos(angle)
        sin[t * pairs + pair] = magnitude * Math.sin(angle)
      }
    }
  })
  return { cos, sin }
}

/** A table is computed on the host wherever it is used. */
const tracedTable: TracedKernel = {
  wasm(context, attributes) {
    const { cos, sin } = ropeAngles(attributes as RopeTableAttributes)
    for (const values of [cos, sin]) context.floats(context.output([values.length]), values.length).set(values)
  },
  webgpu(context, attributes) {
    const { cos, sin } = ropeAngles(attributes as RopeTableAttributes)
    return [context.upload(cos), context.upload(sin)]
  },
}

function spectrumOf(
  { headSize, theta, frequencies }: RopeTableOptions,
  sections: readonly number[],
  restart: boolean,
): Float32Array {
  if (frequencies) {
    if (restart || frequencies.length !== headSize / 2)
      throw new ArgumentError(
        `ropeTable: ${frequencies.length} frequencies for ${headSize / 2} pairs${restart ? ', with restart' : ''}`,
      )
    return frequencies
  }
  if (theta === undefined) throw new ArgumentError('ropeTable: expected theta or frequencies')
  return restart
    ? Float32Array.from(sections.flatMap((size) => [...inverseFrequencies(2 * size, theta)]))
    : inverseFrequencies(headSize, theta)
}

/**
 * theta^(-2i / E) for the pairs of a head, [E/2] radians per position.
 *
 * Rounded to float32 where the published models round: the exponent, the power, its inverse. The power itself is taken in double.
 * A spectrum rounded only once would be closer to the formula but further from what the models were trained with: at position 100,000 its
 * cosines are up to 3e-3 away from PyTorch's, these at most 1e-4 (where PyTorch's vectorised float32 power is off by one unit in the last place).
 * @param headSize E, even
 * @param theta base of the spectrum
 */
export function inverseFrequencies(headSize: number, theta: number): Float32Array {
  const pairs = headSize / 2
  return Float32Array.from({ length: pairs }, (_, i) => 1 / Math.fround(theta ** Math.fround(i / pairs)))
}
