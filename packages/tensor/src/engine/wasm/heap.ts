/**
 * The heap of the wasm device, as tfjs and we allocate from it.
 *
 * While kernels are queued (queue.ts), memory that is freed stays as it is, as they may read it. Kernels that are queued later may write it,
 * since they run later: `take` gives it to them.
 */
import { OutOfMemoryError } from '@casa-js/base'
import type { WasmBackend } from './device.ts'

export class Heap {
  private readonly bytesOf = new Map<number, number>()
  /** Blocks that were freed while kernels are queued, by size. */
  private readonly freed = new Map<number, number[]>()
  /** Size of all of them. */
  freedBytes = 0
  private held = false
  /** Allocated and not given back, now and at most. */
  private readonly inUse = { bytes: 0, most: 0 }
  /** What `kept` has allocated. */
  private keptBlock = { pointer: 0, bytes: 0 }
  private readonly malloc: (bytes: number) => number
  private readonly unalloc: (pointer: number) => void

  /**
   * Takes the place of the module's malloc and free.
   * @param flush runs what is queued
   */
  constructor(
    private readonly wasm: WasmBackend['wasm'],
    private readonly flush: () => void,
  ) {
    // Emscripten replaces its stubs at the first call; take the real ones.
    wasm._free(wasm._malloc(1))
    this.malloc = wasm._malloc
    this.unalloc = wasm._free
    wasm._malloc = (bytes) => this.allocate(bytes)
    wasm._free = (pointer) => this.free(pointer)
  }

  /**
   * Memory that the host may write at once.
   *
   * tfjs does not check what malloc returns: after a failure it would write at address 0, or into a block of the size modulo 4 GiB. So it is
   * checked here.
   * @throws OutOfMemoryError
   */
  allocate(bytes: number): number {
    const pointer = this.attempt(bytes) || this.attemptAfterFlush(bytes)
    if (pointer === 0 && bytes > 0) {
      const heap = this.wasm.HEAPU8.byteLength
      throw new OutOfMemoryError(
        `no room for ${bytes} bytes in a heap of ${heap} (WebAssembly ends at 4 GiB): take smaller batches or free tensors`,
      )
    }
    this.bytesOf.set(pointer, bytes)
    this.inUse.most = Math.max(this.inUse.most, (this.inUse.bytes += bytes))
    return pointer
  }

  /** Memory that only kernels write that are queued from now on. */
  take(bytes: number): number {
    const pointer = this.freed.get(bytes)?.pop()
    if (pointer === undefined) return this.wasm._malloc(bytes) >>> 0
    this.freedBytes -= bytes
    return pointer
  }

  /** Memory that stays, and holds what it held, until more is asked for. 16-byte aligned. */
  kept(bytes: number): number {
    if (bytes > this.keptBlock.bytes) {
      if (this.keptBlock.bytes > 0) this.wasm._free(this.keptBlock.pointer)
      this.keptBlock = { pointer: 0, bytes: 0 }
      this.keptBlock = { pointer: this.wasm._malloc(bytes + 16) >>> 0, bytes }
    }
    return Math.ceil(this.keptBlock.pointer / 16) * 16
  }

  free(pointer: number): void {
    const at = pointer >>> 0
    const bytes = this.bytesOf.get(at) ?? 0
    if (!this.held) return this.giveBack(at)
    const alike = this.freed.get(bytes)
    if (alike) alike.push(at)
    else this.freed.set(bytes, [at])
    this.freedBytes += bytes
  }

  /** From now on kernels are queued. */
  hold(): void {
    this.held = true
  }

  /** They have run. */
  release(): void {
    this.held = false
    for (const pointers of this.freed.values()) for (const pointer of pointers) this.giveBack(pointer)
    this.freed.clear()
    this.freedBytes = 0
  }

  /** Returns a function that says how many bytes were in use at once, at most, beyond those of now. */
  watch(): () => number {
    const begin = (this.inUse.most = this.inUse.bytes)
    return () => this.inUse.most - begin
  }

  private giveBack(pointer: number): void {
    this.inUse.bytes -= this.bytesOf.get(pointer) ?? 0
    this.bytesOf.delete(pointer)
    this.unalloc(pointer)
  }

  /** 0 where there is no room. */
  private attempt(bytes: number): number {
    return bytes < 2 ** 32 ? this.malloc(bytes) >>> 0 : 0
  }

  private attemptAfterFlush(bytes: number): number {
    if (this.freedBytes === 0) return 0
    this.flush()
    return this.attempt(bytes)
  }
}
