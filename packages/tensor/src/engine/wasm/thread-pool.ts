/**
 * A pool of threads that walk lists of work (regions.ts). Every thread has an instance of our module on tfjs's heap, which is a shared
 * memory.
 *
 * The calling thread wakes the others, leads through the regions, takes slices itself and waits for those that others took: it spins for a
 * moment, then sleeps. A slice is a call of a kernel on a part of the rows, so the result does not depend on which thread runs it, and the
 * same split gives the same bits on every run.
 */
import { DeviceLostError } from '@casa-js/base'
import type { KernelModule } from './exports.ts'
import { sliceBytes } from './regions.ts'

/** What a thread is started with (thread-source.ts). All of it can be sent to another thread. */
export interface ThreadData {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Int32: one line of 16 per thread, then one for all. */
  control: SharedArrayBuffer
  /** The address of the control block of the walk (kernels/regions.ts). */
  walk: number
  /** Which thread this is, from 1; the calling thread is 0. */
  index: number
}

/** A started thread. */
export interface Thread {
  /** Resolves when it can take work without this thread's event loop. */
  ready: Promise<void>
  /** Called once if it ends on its own. */
  onEnd(report: (why: string) => void): void
  stop(): Promise<void>
}

/** Words of a thread's cache line: number of calls, the address of a list, its regions (-1: end). */
export const line = { length: 16, turn: 0, list: 1, regions: 2 } as const
/** Words of the shared cache line: threads that have not finished the list. */
export const shared = { pending: 0 } as const
/** Words of the control block of the walk: regions opened, threads that sleep, the thread that failed (0: none); and its size. */
export const walkWords = { opened: 0, sleepers: 16, failed: 32, length: 64 } as const
/** More regions than any list has. */
const allRegions = 2 ** 31 - 1

/** How often a word is read before sleeping: some tens of microseconds. */
export const spins = 20_000
/** No slice takes this long; a thread that does not answer by then is lost. */
const longestMs = 60_000
/** How often kernels/regions.ts looks in that time: once a nap of 1 ms, or where a thread may not sleep every 50 us. */
const patience = { asleep: longestMs, awake: 20 * longestMs }

/** The most slices of a kernel, per thread. */
export const mostPieces = 8

export class ThreadPool {
  private readonly control: Int32Array
  private readonly walk: Int32Array
  private readonly threads: Thread[] = []
  /** The main thread of a page may not block, so it can only spin. */
  private readonly maySleep: boolean
  private readonly walkAt: number
  private failure: DeviceLostError | undefined
  private stopping = false

  /**
   * @param count threads, including the calling one
   * @param allocate memory that stays as long as the pool
   */
  constructor(
    readonly count: number,
    private readonly exports: KernelModule,
    private readonly data: Pick<ThreadData, 'module' | 'memory'>,
    allocate: (bytes: number) => number,
    start: (data: ThreadData) => Thread,
  ) {
    const control = new SharedArrayBuffer(4 * line.length * (count + 1))
    this.control = new Int32Array(control)
    this.maySleep = maySleepOn(this.control)
    const begin = Math.ceil(allocate(4 * walkWords.length + 64) / 64) * 64
    this.walkAt = begin
    // A shared memory's buffer stays valid when it grows.
    this.walk = new Int32Array(data.memory.buffer, begin, walkWords.length).fill(0)
    for (let index = 1; index < count; index++) {
      const thread = start({ ...data, control, walk: begin, index })
      thread.onEnd((why) => {
        if (!this.stopping) this.fail(`thread ${index} ended: ${why}`)
      })
      this.threads.push(thread)
    }
  }

  /** Resolves when every thread has started. */
  async started(): Promise<void> {
    await Promise.all(this.threads.map(({ ready }) => ready))
  }

  /**
   * Run a list of regions.
   * @param what it is, for errors
   * @throws DeviceLostError if a thread failed or ended, now or before
   */
  runList(list: number, regions: number, what: string): void {
    if (this.failure) throw this.failure
    this.settle()
    const all = line.length * this.count
    Atomics.store(this.walk, walkWords.opened, 0)
    Atomics.store(this.control, all + shared.pending, this.count - 1)
    for (let index = 1; index < this.count; index++) this.call(index, list, regions)
    let finished = false
    let problem: unknown
    try {
      const looks = this.maySleep ? patience.asleep : patience.awake
      finished = this.exports.leadRegions(list, regions, sliceBytes, this.walkAt, this.count, Number(this.maySleep), looks) !== 0
    } catch (error) {
      problem = error
    }
    const failed = Atomics.load(this.walk, walkWords.failed)
    if (!finished) {
      // The others leave the list.
      if (failed === 0) Atomics.store(this.walk, walkWords.failed, this.count)
      Atomics.store(this.walk, walkWords.opened, allRegions)
      Atomics.notify(this.walk, walkWords.opened)
      const why =
        failed > 0 ? `thread ${failed} failed in` : problem ? `${(problem as Error).message} in` : 'a thread did not finish'
      throw this.fail(`${why} ${what}`)
    }
  }

  /** Wait until the others have left the last list, which its end does not need. Until then its memory must stay as it is. */
  settle(): void {
    if (!this.failure) this.wait(line.length * this.count + shared.pending)
  }

  private call(index: number, list: number, regions: number): void {
    const at = index * line.length
    this.control[at + line.list] = list
    this.control[at + line.regions] = regions
    Atomics.add(this.control, at + line.turn, 1)
    Atomics.notify(this.control, at + line.turn)
  }

  /** Wait until the word is 0. */
  private wait(word: number): void {
    const { control } = this
    for (let i = 0; i < spins; i++) if (Atomics.load(control, word) === 0) return
    const end = performance.now() + longestMs
    for (let left = Atomics.load(control, word); left > 0; left = Atomics.load(control, word)) {
      if (performance.now() > end) throw this.fail(`a thread did not answer for ${longestMs / 1000} seconds`)
      if (this.maySleep) Atomics.wait(control, word, left, 1000)
    }
  }

  private fail(why: string): DeviceLostError {
    return (this.failure ??= new DeviceLostError(`wasm: ${why}. close(), init() and load again.`))
  }

  async stop(): Promise<void> {
    this.stopping = true
    this.settle()
    for (let index = 1; index < this.count; index++) this.call(index, 0, -1)
    await Promise.all(this.threads.map((thread) => thread.stop()))
  }
}

/** Whether this thread may block in Atomics.wait; the main thread of a page may not. */
function maySleepOn(control: Int32Array): boolean {
  try {
    // Returns at once: the word holds 0.
    Atomics.wait(control, 0, 1, 0)
    return true
  } catch {
    return false
  }
}
