/**
 * The order in which sharded data is visited: shuffled, yet read nearly in sequence.
 *
 * The data is a list of pieces (shards, or row groups) of consecutive examples. An epoch visits the pieces in a random order; what they
 * hold, one after another, is cut into windows of `buffer` examples, and each window is shuffled by itself:
 *
 *     pieces   [0 1 2 3] [4 5 6] [7 8 9]     buffer 5
 *     epoch    7 8 9 0 1 | 2 3 4 5 6  ->  0 7 1 9 8 | 5 2 6 4 3
 *
 * So at most `buffer` examples are in use at a time, the order is a function of seed and epoch, and a position in it is one number.
 */
import { ArgumentError } from '@casa-js/base'
import { permutation } from '../random.ts'

/** Consecutive examples `start`, `start` + 1, .. that are stored together. */
export interface Piece {
  start: number
  count: number
}

/** Examples of all pieces. */
export function countExamples(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { count }) => sum + count, 0)
}

/**
 * The order of one epoch.
 *
 * @param buffer examples that are shuffled among one another
 * @returns a function from the position in the epoch to the index of an example; every index of the pieces comes once
 * @throws ArgumentError for a buffer that is no positive integer
 */
export function shardOrder(
  pieces: readonly Piece[],
  { seed, epoch, buffer }: { seed: number; epoch: number; buffer: number },
): (position: number) => number {
  if (!Number.isSafeInteger(buffer) || buffer < 1)
    throw new ArgumentError(`buffer must be a whole number of examples, got ${buffer}`)
  const visited = Array.from(permutation(pieces.length, seed, epoch), (index) => pieces[index]!)
  const starts = startsOf(visited)
  const length = countExamples(pieces)
  let window = -1
  let shuffled: Uint32Array = new Uint32Array()
  return (position) => {
    const wanted = Math.floor(position / buffer)
    if (wanted !== window) {
      window = wanted
      shuffled = permutation(Math.min(buffer, length - window * buffer), seed, epoch, window)
    }
    const at = window * buffer + shuffled[position % buffer]!
    const piece = lastAtMost(starts, at)
    return visited[piece]!.start + at - starts[piece]!
  }
}

/** The pieces, or parts of pieces, of one of several equal parts: examples floor(n part / parts) up to floor(n (part + 1) / parts). */
export function partOf(pieces: readonly Piece[], part: number, parts: number): Piece[] {
  const length = countExamples(pieces)
  const [begin, end] = [part, part + 1].map((at) => Math.floor((length * at) / parts)) as [number, number]
  let at = 0
  const own: Piece[] = []
  for (const { start, count } of pieces) {
    const [from, to] = [Math.max(begin, at), Math.min(end, at + count)]
    if (from < to) own.push({ start: start + from - at, count: to - from })
    at += count
  }
  return own
}

/** How many examples stand before each piece. */
export function startsOf(pieces: readonly { count: number }[]): Float64Array {
  const starts = new Float64Array(pieces.length)
  for (let i = 1; i < pieces.length; i++) starts[i] = starts[i - 1]! + pieces[i - 1]!.count
  return starts
}

/** The last place whose value is at most `value`, in a list that never falls; pieces without examples are passed over. */
export function lastAtMost(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (sorted[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}
