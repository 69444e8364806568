/** The wasm implementation of a kernel: pointers into the tfjs heap, and the exports of our AssemblyScript module. */
import type * as tf from '@tensorflow/tfjs-core'
import type { InputName } from '../inputs.ts'
import { sizeOf } from '../tensor.ts'
import { runningDevice, threadCount, writeHeap, type WasmBackend } from './device.ts'
import type { KernelModule } from './exports.ts'
import type { Heap } from './heap.ts'
import type { KernelQueue } from './queue.ts'

/** An input in the heap: its address, 0 for an optional one that was not given, and its shape. */
export interface HeapTensor {
  pointer: number
  shape: number[]
}

export interface Split {
  count: number
  work: number
  unit?: number
  pieces?: number
}

/** The address `values` elements of 4 bytes (or of the given size) further on; 0, a missing input, stays 0. */
export const partOf = (pointer: number, values: number, bytes = 4): number => (pointer === 0 ? 0 : pointer + values * bytes)

/** Threads are given rows of a product in multiples of this: whole tiles of either height, 4 or 6. */
export const rowUnit = 12
/** And columns: whole panels, two at a time. */
const columnUnit = 16

/** A part of c [rows, columns]. */
export interface ProductPart {
  row: number
  rows: number
  column: number
  columns: number
}

/**
 * How a product x Wᵀ is split over threads. Each thread reads and packs all of one side: the shorter one, or x if it has few rows, which
 * then are multiplied with parts of W.
 */
export function splitProduct(rows: number, columns: number, few: number) {
  const byColumns = rows <= few || columns > rows
  return {
    count: byColumns ? columns : rows,
    unit: byColumns ? (rows <= few ? 1 : columnUnit) : rowUnit,
    part: (begin: number, count: number): ProductPart =>
      byColumns ? { row: 0, rows, column: begin, columns: count } : { row: begin, rows: count, column: 0, columns },
  }
}

/** See WasmContext.moving. */
export const movingStep = 64

/** The cost of one exponential, root or division, in multiply-adds. */
export const workPerValue = 8

/** `workPerThread`: the least multiply-adds worth giving to a thread, as handing over a slice takes a few microseconds. Tests lower it. */
export const sharing = { workPerThread: 100_000 }

/**
 * How products with weights in 8 and 4 bits round x. `exact`: not at all (InitOptions.exact). `bytes`: to 8 bits, for weights in 4 bits
 * (InitOptions.int8Activations, where the kernels can).
 */
export const precision = { exact: false, bytes: false }

/** In how many slices work is split, at most `pieces` per thread, and as many for each if there are enough for all. */
function slicesFor(work: number, pieces = 1): number {
  const threads = threadCount()
  const most = threads === 1 ? 1 : Math.min(pieces * threads, Math.floor(work / sharing.workPerThread))
  return Math.max(1, most > threads ? most - (most % threads) : most)
}

export interface WasmContext<N extends string> {
  input(name: InputName<N>): HeapTensor
  /** Several inputs at once. */
  inputs<const Names extends readonly InputName<N>[]>(...names: Names): { [I in keyof Names]: HeapTensor }
  /** Only their addresses. */
  pointers<const Names extends readonly InputName<N>[]>(...names: Names): { [I in keyof Names]: number }
  has(name: InputName<N>): boolean
  /** What stands for an input's values, which are the same as long as it is; undefined where addresses are all that is known. */
  identity(name: InputName<N>): object | undefined
  /** Allocate an output tensor; its memory is not initialised. */
  output(shape: number[], dtype?: 'float32' | 'int32'): number
  /** Copy a host array into the heap, for the kernels of this call. */
  upload(data: Float32Array | Int32Array): number
  /**
   * Copy numbers that a plan changes from step to step. What else depends on them must stay the same until one of them passes a multiple of
   * `movingStep`.
   */
  moving(numbers: Int32Array): number
  /** Scratch memory for the kernels of this call, 16-byte aligned, not initialised. */
  scratch(bytes: number): number
  /** Memory that stays after this call, and holds what it held: until a call asks for more. 16-byte aligned. */
  kept(bytes: number): number
  /** The floats at an address, to read or write. Valid until the next allocation. */
  floats(pointer: number, count: number): Float32Array
  /** The functions that packages/tensor/kernels exports. */
  exports: KernelModule
  /**
   * Run a kernel on `count` rows, split over threads if there is enough work.
   * @param split.work multiply-adds of all rows
   * @param split.unit each slice holds a multiple of this many rows; default 1
   * @param split.pieces slices per thread, default 1: more of them make up for those that take longer. At most `mostPieces`.
   * @param argumentsOf of the kernel for rows begin .. begin + count - 1; scratch memory is its own for every slice
   */
  share(name: keyof KernelModule, split: Split, argumentsOf: (begin: number, count: number) => number[]): void
  /** Room for the sums [width] that each slice of a kernel writes: the first slice's go to `total`, the others' are added to it in order. */
  partialSums(total: number, width: number): PartialSums
  /** Where the slices of this much work end, as fractions of it: [1] for one thread, [0.5, 1] for two with one piece each. */
  shares(work: number, pieces?: number): number[]
  /** Run a kernel. */
  run(name: keyof KernelModule, ...given: number[]): void
  /** Run a kernel on several lists of arguments at once, at most `mostPieces` per thread. */
  runTogether(name: keyof KernelModule, slices: number[][], work: number): void
  /** Whether kernels are noted for a plan: then nothing can be timed. */
  readonly isRecorded: boolean
  /** Wait until the kernels that were run so far are done. */
  finish(): void
}

export interface PartialSums {
  /** Where the next slice writes its sums. */
  next(): number
  /** Add all of them. */
  add(): void
}

/** Outputs are those allocated through `context.output`, in order. */
export type WasmKernel<N extends string, A> = (context: WasmContext<N>, attributes: A) => void

export function wasmKernel<N extends string, A>(name: string, kernel: WasmKernel<N, A>): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const call = new KernelCall<N>(name, inputs, backend as WasmBackend)
    try {
      kernel(call, attrs as A)
      return call.outputs
    } catch (error) {
      for (const { dataId } of call.outputs) call.backend.disposeData(dataId)
      throw error
    } finally {
      call.release()
    }
  }
}

/** A call of a kernel, wherever its inputs and outputs lie. */
export abstract class HeapCall<N extends string> implements WasmContext<N> {
  readonly exports: KernelModule

  constructor(
    kernelName: string,
    readonly backend: WasmBackend,
  ) {
    this.exports = runningDevice(kernelName).exports
  }

  abstract has(name: InputName<N>): boolean
  abstract identity(name: InputName<N>): object | undefined
  abstract input(name: InputName<N>): HeapTensor
  abstract output(shape: number[], dtype?: 'float32' | 'int32'): number
  abstract upload(data: Float32Array | Int32Array): number
  abstract scratch(bytes: number): number
  abstract runTogether(name: keyof KernelModule, slices: number[][], work: number): void
  abstract finish(): void
  abstract readonly isRecorded: boolean

  run(name: keyof KernelModule, ...given: number[]): void {
    this.runTogether(name, [given], 0)
  }

  inputs<const Names extends readonly InputName<N>[]>(...names: Names) {
    return names.map((name) => this.input(name)) as { [I in keyof Names]: HeapTensor }
  }

  pointers<const Names extends readonly InputName<N>[]>(...names: Names) {
    return names.map((name) => this.input(name).pointer) as { [I in keyof Names]: number }
  }

  moving(numbers: Int32Array): number {
    return this.upload(numbers)
  }

  floats(pointer: number, count: number): Float32Array {
    this.finish()
    return new Float32Array(this.backend.wasm.HEAPU8.buffer, pointer, count)
  }

  kept(bytes: number): number {
    return runningDevice('kept memory').heap.kept(bytes)
  }

  share(
    name: keyof KernelModule,
    { count, work, unit = 1, pieces }: Split,
    argumentsOf: (begin: number, count: number) => number[],
  ): void {
    const step = unit * Math.ceil(count / unit / slicesFor(work, pieces))
    const slices = [argumentsOf(0, Math.min(step, count))]
    for (let begin = step; begin < count; begin += step) slices.push(argumentsOf(begin, Math.min(step, count - begin)))
    this.runTogether(name, slices, work)
  }

  partialSums(total: number, width: number): PartialSums {
    const others: number[] = []
    let taken = 0
    return {
      next: () => (taken++ === 0 ? total : (others[others.length] = this.scratch(4 * width))),
      add: () => {
        for (const other of others) this.run('add', total, other, total, width)
      },
    }
  }

  shares(work: number, pieces = 1): number[] {
    const slices = slicesFor(work, pieces)
    return Array.from({ length: slices }, (_, i) => (i + 1) / slices)
  }
}

/** On tensors of tfjs; makes its outputs, and queues what it runs. */
class KernelCall<N extends string> extends HeapCall<N> {
  readonly outputs: tf.TensorInfo[] = []
  readonly isRecorded = false
  private readonly heap: Heap
  private readonly queue: KernelQueue
  private readonly temporary: number[] = []

  constructor(
    kernelName: string,
    private readonly given: tf.NamedTensorInfoMap,
    backend: WasmBackend,
  ) {
    super(kernelName, backend)
    ;({ heap: this.heap, queue: this.queue } = runningDevice(kernelName))
  }

  has(name: InputName<N>): boolean {
    return this.given[name] !== undefined
  }

  identity(name: InputName<N>): object | undefined {
    return this.given[name]?.dataId
  }

  input(name: InputName<N>): HeapTensor {
    const info = this.given[name]
    return info ? { pointer: this.pointerOf(info), shape: info.shape } : { pointer: 0, shape: [] }
  }

  output(shape: number[], dtype: 'float32' | 'int32' = 'float32'): number {
    const pointer = this.heap.take(4 * sizeOf(shape))
    this.outputs.push(this.backend.makeOutput(shape, dtype, pointer))
    return pointer
  }

  /** In memory that no queued kernel reads. */
  upload(data: Float32Array | Int32Array): number {
    const pointer = this.backend.wasm._malloc(data.byteLength) >>> 0
    this.temporary.push(pointer)
    writeHeap(this.backend, pointer, data)
    return pointer
  }

  scratch(bytes: number): number {
    // The heap's own alignment is 8.
    // Sizes that kernels compute are returned as signed integers.
    const pointer = this.heap.take((bytes >>> 0) + 16)
    this.temporary.push(pointer)
    return Math.ceil(pointer / 16) * 16
  }

  /** Free what `upload` and `scratch` allocated: kernels that are queued later may take it. */
  release(): void {
    for (const pointer of this.temporary) this.backend.wasm._free(pointer)
  }

  runTogether(name: keyof KernelModule, slices: number[][]): void {
    this.queue.add(name, slices)
  }

  finish(): void {
    this.queue.flush()
  }

  private pointerOf(info: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(info.dataId).memoryOffset
  }
}

/** Whether there are threads to share work of this much. */
export const isShared = (work: number): boolean => slicesFor(work) > 1
