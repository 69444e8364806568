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
