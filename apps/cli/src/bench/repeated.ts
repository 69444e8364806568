/** Large arrays of arbitrary values. */

/** Fills an array: its first `period` values by `valueOf`, the others as copies of those. @returns the array */
export function repeated<A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(
  array: A,
  period: number,
  valueOf: (i: number) => number,
): A {
  const first = Math.min(period, array.length)
  for (let i = 0; i < first; i++) array[i] = valueOf(i)
  for (let at = first; at < array.length; at += first) array.copyWithin(at, 0, Math.min(first, array.length - at))
  return array
}
