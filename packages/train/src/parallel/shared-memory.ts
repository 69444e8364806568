/**
 * The memory that ranks share, and the barrier that orders its use.
 *
 *   control    Int32    [arrived, generation, aborted, stop]
 *   numbers    Float64  [2, ranks, 1 + NUMBERS]  double-buffered: a half is rewritten only after the other half's barrier
 *   gradients  Float32  [ranks, parameters]      each rank writes its row, then sums its own range of columns into it
 *   updated    Float32  [parameters]             each rank writes its own range of the weights after an update
 */
import { AbortedError } from '../errors.ts'

/** Largest count of numbers that a rank can pass to one `gather`. */
export const NUMBERS = 1023

const ARRIVED = 0
const GENERATION = 1
const ABORTED = 2
const STOP = 3
/** How often a waiting rank checks whether the run was aborted. */
const WAKE_MS = 500

export interface SharedMemory {
  ranks: number
  control: Int32Array<SharedArrayBuffer>
  numbers: Float64Array<SharedArrayBuffer>
  gradients: Float32Array<SharedArrayBuffer>
  updated: Float32Array<SharedArrayBuffer>
}

/**
 * Allocates what the ranks share.
 *
 * @param parameters values in all trained weights together
 */
export function createSharedMemory(ranks: number, parameters: number): SharedMemory {
  return {
    ranks,
    control: new Int32Array(new SharedArrayBuffer(16)),
    numbers: new Float64Array(new SharedArrayBuffer(8 * 2 * ranks * (1 + NUMBERS))),
    gradients: new Float32Array(new SharedArrayBuffer(4 * ranks * parameters)),
    updated: new Float32Array(new SharedArrayBuffer(4 * parameters)),
  }
}

/** Ask all ranks to stop after the current step. */
export const requestStop = (memory: SharedMemory): void => void Atomics.store(memory.control, STOP, 1)

/** Whether a rank or the main thread requested a stop. */
export const stopRequested = (memory: SharedMemory): boolean => Atomics.load(memory.control, STOP) === 1

/** Make every rank that waits, now or later, throw. */
export function abort(memory: SharedMemory): void {
  Atomics.store(memory.control, ABORTED, 1)
  Atomics.notify(memory.control, GENERATION)
}

/**
 * Block this thread until every rank is here.
 * @throws AbortedError if a rank failed.
 */
export function barrier({ control, ranks }: SharedMemory): void {
  const generation = Atomics.load(control, GENERATION)
  if (Atomics.add(control, ARRIVED, 1) === ranks - 1) {
    Atomics.store(control, ARRIVED, 0)
    Atomics.add(control, GENERATION, 1)
    Atomics.notify(control, GENERATION)
  }
  while (Atomics.load(control, GENERATION) === generation) {
    if (Atomics.load(control, ABORTED) === 1) break
    Atomics.wait(control, GENERATION, generation, WAKE_MS)
  }
  if (Atomics.load(control, ABORTED) === 1) throw new AbortedError('another rank of the run failed')
}
