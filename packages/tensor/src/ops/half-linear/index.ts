/**
 * halfLinear: y = x Wᵀ + bias with W in 16-bit floats, widened as it is read and never kept as floats.
 *
 *   x [..,D]  weight [O,D] packed, two values a word  bias [O], optional  ->  [..,O]      products are summed in float32
 *
 * For weights that are only read: the gradient reaches x and bias.
 */
export interface HalfLinearAttributes extends Record<string, unknown> {
  rows: number
  /** D */
  inputs: number
  /** O */
  outputs: number
  format: 'bf16' | 'f16'
}
