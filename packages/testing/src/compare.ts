/** Comparing tensors as numbers. */
import { expect } from 'vitest'
import type { Tensor } from '@casa-js/tensor'

/** Values of a float tensor of any shape. Disposes the tensor. */
export async function take(t: Tensor): Promise<Float32Array> {
  const values = (await t.data()) as Float32Array
  t.dispose()
  return values
}

/**
 * Fails unless the largest difference is at most `tolerance` times the largest expected value.
 * @param cause what a difference most likely means, for the message.
 */
export function expectNear(
  what: string,
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  cause = '',
): void {
  expect(found.length, `${what}: number of values`).toBe(expected.length)
  const largest = Array.from(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-12)
  const worst = Array.from(found).reduce(
    (at, x, i) => (Math.abs(x - expected[i]!) > Math.abs(found[at]! - expected[at]!) || Number.isNaN(x) ? i : at),
    0,
  )
  const error = Math.abs(found[worst]! - expected[worst]!) / largest
  if (!(error <= tolerance)) {
    expect.fail(
      `${what}: value ${worst} is ${found[worst]}, expected ${expected[worst]}: relative error ${error.toExponential(1)} of ${tolerance}${cause && `. Likely cause: ${cause}`}`,
    )
  }
}
