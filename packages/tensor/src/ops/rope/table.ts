/**
 * The angles of rotary positions (Su et al. 2021): token t turns pair i of a head by positions[t] * theta^(-2i / E).
 *
 * Sections give runs of pairs a position row of their own:
 *   M-RoPE (Qwen2-VL, section 2.1): rows (time, height, width), sections like [16, 24, 24], one spectrum over all E/2 pairs;
 *   2-D rotary of vision towers: rows (height, width), sections [E/4, E/4], `restart`: each section starts the spectrum anew.
 */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import type { Tensor } from '../../engine/tensor.ts'

/** Rotary angles of T tokens; cos, sin [T, E/2]. The caller disposes both. */
export interface RopeTable {
  cos: Tensor
  sin: Tensor
}

export interface RopeTableOptions {
  /** E, even. */
  headSize: number
  /** Base of the spectrum: 10,000 in the paper. */
  theta: number
  /** Pairs that turn with each row of positions, in order; they add up to E/2. */
  sections?: readonly number[]
  /** Each section runs through a spectrum of its own, theta^(-j / section), instead of its part of the common one. */
  restart?: boolean
}

/**
 * positions: one row Int32Array [T], or one row a section; a single row stands for equal rows.
 * @throws ArgumentError if the sections do not add up to half a head, or rows and sections do not match.
 */
export function ropeTable(positions: Int32Array | readonly Int32Array[], options: RopeTableOptions): RopeTable {
  const { headSize, theta, restart = false } = options
  const pairs = headSize / 2
  const sections = options.sections ?? [pairs]
  if (!Number.isInteger(pairs) || pairs < 1)
    throw new ArgumentError(`ropeTable: headSize must be even and positive, got ${headSize}`)
  if (sections.reduce((a, b) => a + b, 0) !== pairs) {
    throw new ArgumentError(`ropeTable: sections [${sections}] must add up to half the head size, ${pairs}`)
  }
  const rows = positions instanceof Int32Array ? sections.map(() => positions) : positions
  const tokens = rows[0]?.length ?? 0
  if (rows.length !== sections.length || rows.some((row) => row.length !== tokens)) {
    throw new ArgumentError(
      `ropeTable: ${rows.length} rows of [${rows.map((row) => row.length)}] positions for ${sections.length} sections`,
    )
  }
  const cos = new Float32Array(tokens * pairs)
  const sin = new Float32Array(tokens * pairs)
  let pair = 0
  sections.forEach((size, section) => {
    for (let j = 0; j < size; j++, pair++) {
      const frequency = inverseFrequency(theta, restart ? j / size : pair / pairs)
      for (let t = 0; t < tokens; t++) {
        const angle = Math.fround(rows[section]![t]! * frequency)
        cos[t * pairs + pair] = Math.cos(angle)
        sin[t * pairs + pair] = Math.sin(angle)
      }
    }
  })
  return { cos: tf.tensor2d(cos, [tokens, pairs]), sin: tf.tensor2d(sin, [tokens, pairs]) }
}

/** In float32 steps, as the published models were trained: at position 30,000 the rounding is visible in the fourth digit. */
function inverseFrequency(theta: number, exponent: number): number {
  return Math.fround(1 / Math.fround(theta ** Math.fround(exponent)))
}
