/** The error of converted values, over all blocks of a tensor. */

/** The error of the new values relative to the old ones. */
export interface ConversionError {
  /** RMS of the difference, relative to the RMS of the old values. */
  relative: number
  /** The largest difference. */
  largest: number
}

/** Sums up the error over the blocks of a tensor. */
export class ErrorMeter {
  private squares = 0
  private squaredErrors = 0
  private largest = 0

  add(before: Float32Array, after: Float32Array): void {
    for (let i = 0; i < before.length; i++) {
      const difference = Math.abs(after[i]! - before[i]!)
      // Infinities and NaN are kept unchanged; counting them would hide all other errors.
      if (!(difference < Infinity)) continue
      this.squares += before[i]! ** 2
      this.squaredErrors += difference ** 2
      if (difference > this.largest) this.largest = difference
    }
  }

  result(): ConversionError {
    return { relative: this.squaredErrors === 0 ? 0 : Math.sqrt(this.squaredErrors / this.squares), largest: this.largest }
  }
}
