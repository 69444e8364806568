/**
 * A pool of threads that split the work of a kernel. Every thread has an instance of our module on tfjs's heap, which is a shared memory.
 *
 * The calling thread cuts the work into one slice per thread, hands them out, runs the first slice itself and waits for the others:
 * it spins for a moment, then sleeps. A slice is a call of the same kernel on a part of the rows, so the result does not depend on
 * which thread runs it, and the same split gives the same bits on every run.
 */
import { DeviceLostError } from '@casa-js/base'
import { kernelNames, type KernelModule } from './exports.ts'

/** What a thread is started with (thread-source.ts). All of it can be sent to another thread. */
export interface ThreadData {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Int32: one line of 16 per thread, then one for all. */
  control: SharedArrayBuffer
  /** Float64: `mostArguments` per thread. */
  numbers: SharedArrayBuffer
  /** Which thread this is, from 1; the calling thread is 0. */
  index: number
  kernelNames: readonly string[]
}

/** A started thread. */
export interface Thread {
  /** Resolves when it can take work without this thread's event loop. */
  ready: Promise<void>
  /** Called once if it ends on its own. */
  onEnd(report: (why: string) => void): void
  stop(): Promise<void>
}

export const mostArguments = 24
/** Words of a thread's cache line: number of calls, which kernel (-1: end), number of arguments. */
export const line = { length: 16, turn: 0, kernel: 1, arguments: 2 } as const
/** Words of the shared cache line: slices not finished, the thread that failed (0: none). */
export const shared = { pending: 0, failed: 1 } as const

/** How often a word is read before sleeping: some tens of microseconds. */
export const spins = 8000
/** No slice takes this long; a thread that does not answer by then is lost. */
const longestMs = 60_000

export class ThreadPool {
  private readonly control: Int32Array
  private readonly numbers: Float64Array
  private readonly threads: Thread[] = []
  /** The main thread of a page may not block, so it can only spin. */
  private readonly maySleep: boolean
  private failure: DeviceLostError | undefined
  private stopping = false

  /** @param count threads, including the calling one */
  constructor(
    readonly count: number,
    private readonly exports: KernelModule,
    data: Pick<ThreadData, 'module' | 'memory'>,
    start: (data: ThreadData) => Thread,
  ) {
    const control = new SharedArrayBuffer(4 * line.length * (count + 1))
    const numbers = new SharedArrayBuffer(8 * mostArguments * count)
    this.control = new Int32Array(control)
    this.numbers = new Float64Array(numbers)
    this.maySleep = maySleepOn(this.control)
    for (let index = 1; index < count; index++) {
      const thread = start({ ...data, control, numbers, index, kernelNames })
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
   * Run one kernel on each list of arguments, at most `count` of them, at once. Returns when all are done.
   * @throws DeviceLostError if a thread failed or ended, now or before
   */
  run(name: keyof KernelModule, slices: readonly (readonly number[])[]): void {
    if (this.failure) throw this.failure
    const { control, numbers } = this
    const all = line.length * this.count
    const kernel = kernelNames.indexOf(name)
    Atomics.store(control, all + shared.pending, slices.length - 1)
    slices.forEach((given, index) => {
      if (index === 0) return
      numbers.set(given, index * mostArguments)
      this.call(index, kernel, given.length)
    })
    this.exports[name](...slices[0]!)
    this.wait(all + shared.pending)
    const failed = Atomics.load(control, all + shared.failed)
    if (failed > 0) throw this.fail(`thread ${failed} failed in ${name}`)
  }

  private call(index: number, kernel: number, count: number): void {
    const at = index * line.length
    this.control[at + line.kernel] = kernel
    this.control[at + line.arguments] = count
    Atomics.add(this.control, at + line.turn, 1)
    Atomics.notify(this.control, at + line.turn)
  }

  /** Wait until the word is 0. */
  private wait(word: number): void {
    for (let i = 0; i < spins; i++) if (Atomics.load(this.control, word) === 0) return
    const end = performance.now() + longestMs
    for (let left = Atomics.load(this.control, word); left > 0; left = Atomics.load(this.control, word)) {
      if (performance.now() > end) throw this.fail(`a thread did not answer for ${longestMs / 1000} seconds`)
      if (this.maySleep) Atomics.wait(this.control, word, left, 1000)
    }
  }

  private fail(why: string): DeviceLostError {
    return (this.failure ??= new DeviceLostError(`wasm: ${why}. close(), init() and load again.`))
  }

  async stop(): Promise<void> {
    this.stopping = true
    for (let index = 1; index < this.count; index++) this.call(index, -1, 0)
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
