/**
 * Work for kernels/regions.ts: a list of regions in the heap. A region is a number of slices, calls of kernels that may run at once.
 */
import { kernelNames, type KernelModule } from './exports.ts'

/** A call of a kernel. */
export interface Slice {
  name: keyof KernelModule
  arguments: readonly number[]
}

export interface Region {
  slices: readonly Slice[]
  /** Whether the calling thread does all of it. */
  serial: boolean
  /** Slices that it has room for. */
  room: number
}

export const mostArguments = 24
/** Whether it is taken, the number of the kernel, its arguments: 8 bytes each. */
export const sliceBytes = 8 * (2 + mostArguments)
const headBytes = 16

/** Kernels are numbered by name (scripts/build-kernels.mjs). */
const numbers = new Map<string, number>(kernelNames.toSorted().map((name, number) => [name, number]))

export const bytesOfRegion = (room: number): number => headBytes + room * sliceBytes

/** Write a region at an address, a multiple of 8. */
export function writeRegion(heap: ArrayBufferLike, at: number, { slices, serial, room }: Region): void {
  new Int32Array(heap, at, headBytes / 4).set([slices.length, 0, Number(serial), bytesOfRegion(room)])
  const floats = new Float64Array(heap, at + headBytes, (slices.length * sliceBytes) / 8)
  slices.forEach((slice, i) => {
    const begin = (i * sliceBytes) / 8
    floats[begin + 1] = numbers.get(slice.name)!
    floats.set(slice.arguments, begin + 2)
  })
}

/**
 * The slices of a region, so ordered that the threads' shares (kernels/regions.ts), as many slices each, have about as much work: from the
 * largest down, each goes to the thread that has least.
 */
export function inShares<T extends { work: number }>(slices: readonly T[], threads: number): T[] {
  const endOf = (thread: number) => Math.floor((slices.length * thread) / threads)
  const shares = Array.from({ length: threads }, (_, thread) => ({
    room: endOf(thread + 1) - endOf(thread),
    work: 0,
    slices: [] as T[],
  }))
  for (const slice of slices.toSorted((a, b) => b.work - a.work)) {
    const open = shares.filter((share) => share.slices.length < share.room)
    const least = open.reduce((best, share) => (share.work < best.work ? share : best))
    least.slices.push(slice)
    least.work += slice.work
  }
  return shares.flatMap((share) => share.slices)
}
