/** A kernel of a plan on wasm: its calls are noted, with addresses that stay, and run later as part of a list. */
import { StateError } from '@casa-js/base'
import type { KernelModule } from '../../engine/wasm/exports.ts'
import { writeHeap, type WasmBackend } from '../../engine/wasm/device.ts'
import { HeapCall, type HeapTensor } from '../../engine/wasm/kernel.ts'

/** One kernel, in slices that may run at once. */
export interface Run {
  name: keyof KernelModule
  slices: number[][]
  /** Multiply-adds. */
  work: number
}

/** Scratch memory that kernels share which do not run at once: what was taken is free again at the next `begin`. */
export class SharedScratch {
  /** The most that was taken at once. */
  need = 0
  private taken = 0

  /** @param pointer where it lies, once its size is known */
  constructor(readonly pointer = 0) {}

  begin(): void {
    this.taken = 0
  }

  take(bytes: number): number {
    const at = this.pointer + this.taken
    this.taken += Math.ceil(bytes / 64) * 64
    this.need = Math.max(this.need, this.taken)
    return at
  }
}

const missing: HeapTensor = { pointer: 0, shape: [] }

export class RecordedCall extends HeapCall<string> {
  readonly isRecorded = true
  /** Whether what it runs reads the numbers that change from memory. */
  readsNumbers = false
  private runs: Run[] = []
  private made = 0
  private uploads: { pointer: number; bytes: number }[] = []
  private uploaded = 0
  private scratchMemory = new SharedScratch()

  constructor(
    private readonly kernelName: string,
    backend: WasmBackend,
    private readonly given: Readonly<Record<string, HeapTensor>>,
    /** Addresses of the outputs, in order. */
    private readonly outputs: readonly number[],
    /** Where the numbers lie that the plan changes; undefined where the kernel has none. */
    private readonly numbers: number | undefined,
  ) {
    super(kernelName, backend)
  }

  /** What `kernel` runs. What it uploads lies where it lay before. */
  record(kernel: (call: this) => void, scratch: SharedScratch): Run[] {
    this.runs = []
    this.made = this.uploaded = 0
    this.scratchMemory = scratch
    kernel(this)
    return this.runs
  }

  has(name: string): boolean {
    return this.given[name] !== undefined
  }

  identity(): undefined {}

  input(name: string): HeapTensor {
    return this.given[name] ?? missing
  }

  output(): number {
    const pointer = this.outputs[this.made++]
    if (pointer === undefined) throw new StateError('a planned kernel made more outputs than when it was traced')
    return pointer
  }

  scratch(bytes: number): number {
    return this.scratchMemory.take(bytes >>> 0)
  }

  /** Memory of its own, as it is read when the list is run. */
  upload(data: Float32Array | Int32Array): number {
    const { wasm } = this.backend
    const index = this.uploaded++
    let memory = this.uploads[index]
    if (!memory || memory.bytes < data.byteLength) {
      // There may be no memory: what is freed must not be freed again.
      if (memory) wasm._free(memory.pointer)
      this.uploads[index] = { pointer: 0, bytes: 0 }
      memory = this.uploads[index] = { pointer: wasm._malloc(data.byteLength) >>> 0, bytes: data.byteLength }
    }
    writeHeap(this.backend, memory.pointer, data)
    return memory.pointer
  }

  override moving(numbers: Int32Array): number {
    if (this.numbers === undefined) return this.upload(numbers)
    this.readsNumbers = true
    return this.numbers
  }

  /** Only what is computed from attributes may be written here: tensors have no values yet. */
  override floats(pointer: number, count: number): Float32Array {
    if (Object.keys(this.given).length > 0) throw new StateError(`${this.kernelName} computes on the host, which a plan cannot`)
    return super.floats(pointer, count)
  }

  runTogether(name: keyof KernelModule, slices: number[][], work: number): void {
    this.runs.push({ name, slices, work })
  }

  /** Nothing runs while it is noted. */
  finish(): void {}

  dispose(): void {
    for (const { pointer } of this.uploads) this.backend.wasm._free(pointer)
    this.uploads = []
  }
}
