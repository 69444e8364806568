/**
 * Kernels wait in a queue, and run together: when somebody reads what they write, and else when the code that called them yields.
 *
 * A kernel on hundreds of rows leaves nothing else in the processor's caches. JavaScript that runs after each of them, to allocate and to look
 * up, takes 100 us a kernel; in a row it takes 10. And threads that walk a list need no call for each kernel.
 */
import type { KernelModule } from './exports.ts'
import type { Heap } from './heap.ts'
import type { WasmBackend } from './device.ts'
import { bytesOfRegion, sliceBytes, writeRegion } from './regions.ts'
import type { ThreadPool } from './thread-pool.ts'

/** Of the list: some thousand slices. */
const listBytes = 2 ** 19
/** Memory that was freed and that nobody has taken: above this, what is queued runs, so that it is free. */
const mostFreedBytes = 2 ** 26

export class KernelQueue {
  private readonly list: number
  private regions = 0
  private bytes = 0
  /** A kernel failed, and those after it have not run. */
  private problem: { error: unknown } | undefined

  constructor(
    private readonly backend: WasmBackend,
    private readonly exports: KernelModule,
    private readonly pool: ThreadPool | undefined,
    private readonly heap: Heap,
  ) {
    this.list = Math.ceil(heap.allocate(listBytes + 8) / 8) * 8
  }

  /** @param slices lists of arguments of one kernel, which may run at once: at most `mostPieces` per thread */
  add(name: keyof KernelModule, slices: readonly (readonly number[])[]): void {
    const room = slices.length
    if (this.bytes + bytesOfRegion(room) > listBytes || this.heap.freedBytes > mostFreedBytes) this.flush()
    if (this.regions === 0) this.begin()
    const region = { slices: slices.map((given) => ({ name, arguments: given })), serial: room === 1, room }
    writeRegion(this.backend.wasm.HEAPU8.buffer, this.list + this.bytes, region)
    this.bytes += bytesOfRegion(room)
    this.regions++
  }

  /**
   * Run what is queued. Returns when it is done.
   * @throws what a kernel threw, now or before
   */
  flush(): void {
    if (this.problem) throw this.problem.error
    if (this.regions === 0) return
    const { regions } = this
    this.regions = this.bytes = 0
    try {
      this.run(this.list, regions, 'queued kernels')
    } catch (error) {
      this.problem = { error }
      throw error
    } finally {
      this.heap.release()
    }
  }

  /** Forget what is queued: the heap goes away. */
  close(): void {
    this.regions = this.bytes = 0
  }

  /** Run a list of regions (regions.ts), by all threads. */
  run(list: number, regions: number, what: string): void {
    if (this.pool) this.pool.runList(list, regions, what)
    else this.exports.runRegions(list, regions, sliceBytes)
  }

  private begin(): void {
    this.pool?.settle()
    this.heap.hold()
    queueMicrotask(() => {
      try {
        this.flush()
      } catch {
        // For whoever comes next.
      }
    })
  }
}
