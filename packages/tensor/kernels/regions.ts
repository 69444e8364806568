/**
 * Work as a list of regions, walked by every thread: src/engine/wasm/regions.ts writes it. A region holds slices, calls of kernels that may
 * run at the same time, and ends when all of them are done. The calling thread opens one region after the other. A thread takes the slices
 * of its own share first, which are the same rows from kernel to kernel and so lie in its cache, and then what others have not taken. One
 * that comes late finds nothing left and goes on, so nobody waits for it.
 *
 * A region: words of 32 bits [slices, done, whether one thread does all, bytes to the next region], then the slices: a word of 8 bytes that
 * says whether it is taken, then 8-byte floats, the number of the kernel and its arguments.
 */
import { callKernel } from './call'

const headBytes: usize = 16
const doneAt: usize = 4
const serialAt: usize = 8
const nextAt: usize = 12
/** Of a slice. */
const kernelAt: usize = 8
const argumentsAt: usize = 16

/**
 * Words of the control block, on cache lines of their own: how many regions were opened, other threads that sleep, whether a kernel failed,
 * whether the calling thread sleeps.
 */
const sleepersAt: usize = 64
const failedAt: usize = 128
const leaderSleepsAt: usize = 192

/** How often a word is read before a thread sleeps: as long as a thread takes to wake, about. */
const spins = 100_000
/** In nanoseconds: how long the calling thread sleeps before it looks for failures. */
const nap: i64 = 1_000_000

/** All regions, on this thread alone. */
export function runRegions(list: usize, count: i32, sliceBytes: usize): void {
  for (; count > 0; count--) {
    runSlices(list, load<i32>(list), sliceBytes)
    list += load<i32>(list, nextAt)
  }
}

/**
 * All regions, with other threads that call followRegions. Returns when they are done; false where a thread failed, or did not answer for
 * `patience` naps.
 */
export function leadRegions(list: usize, count: i32, sliceBytes: usize, control: usize, threads: i32, maySleep: boolean, patience: i32): boolean {
  if (!THREADS) return false
  for (let r = 1; r <= count; r++) {
    const slices = load<i32>(list)
    if (load<i32>(list, serialAt)) runSlices(list, slices, sliceBytes)
    else {
      for (let i = 0; i < slices; i++) atomic.store<i32>(list + headBytes + <usize>i * sliceBytes, 0)
      atomic.store<i32>(list + doneAt, 0)
      atomic.store<i32>(control, r)
      if (atomic.load<i32>(control + sleepersAt) > 0) atomic.notify(control)
      takeSlices(list, slices, sliceBytes, control, 0, threads)
      if (!waitForSlices(list, slices, control, maySleep, patience)) return false
    }
    list += load<i32>(list, nextAt)
  }
  return true
}

/** The part of another thread. */
export function followRegions(list: usize, count: i32, sliceBytes: usize, control: usize, thread: i32, threads: i32): void {
  if (!THREADS) return
  for (let r = 1; r <= count; r++) {
    if (!load<i32>(list, serialAt)) {
      waitForRegion(r, control)
      if (atomic.load<i32>(control + failedAt)) return
      takeSlices(list, load<i32>(list), sliceBytes, control, thread, threads)
    }
    list += load<i32>(list, nextAt)
  }
}

function runSlices(region: usize, slices: i32, sliceBytes: usize): void {
  let slice = region + headBytes
  for (; slices > 0; slices--) {
    callKernel(<i32>load<f64>(slice, kernelAt), slice + argumentsAt)
    slice += sliceBytes
  }
}

function takeSlices(region: usize, slices: i32, sliceBytes: usize, control: usize, thread: i32, threads: i32): void {
  let ran = 0
  for (let i = 0; i < threads; i++) {
    const owner = thread + i < threads ? thread + i : thread + i - threads
    const begin = (slices * owner) / threads, count = (slices * (owner + 1)) / threads - begin
    for (let j = 0; j < count; j++) {
      // Others' from the end, as they take them from the beginning.
      const slice = region + headBytes + <usize>(begin + (i == 0 ? j : count - 1 - j)) * sliceBytes
      if (atomic.load<i32>(slice) || atomic.xchg<i32>(slice, 1)) continue
      callKernel(<i32>load<f64>(slice, kernelAt), slice + argumentsAt)
      ran++
    }
  }
  if (ran == 0) return
  atomic.add<i32>(region + doneAt, ran)
  if (atomic.load<i32>(control + leaderSleepsAt)) atomic.notify(region + doneAt)
}

/*
 * Exported, so that they stay functions: inlined in a loop, V8's first compiler (Node 20) loses what its caller holds in registers when a
 * thread sleeps.
 */

export function waitForSlices(region: usize, slices: i32, control: usize, maySleep: boolean, patience: i32): boolean {
  if (!THREADS) return false
  for (let naps = 0; naps < patience; naps++) {
    for (let i = 0; i < spins; i++) if (atomic.load<i32>(region + doneAt) == slices) return true
    if (atomic.load<i32>(control + failedAt)) return false
    if (!maySleep) continue
    atomic.store<i32>(control + leaderSleepsAt, 1)
    const done = atomic.load<i32>(region + doneAt)
    if (done != slices) atomic.wait<i32>(region + doneAt, done, nap)
    atomic.store<i32>(control + leaderSleepsAt, 0)
  }
  return false
}

export function waitForRegion(region: i32, control: usize): void {
  if (!THREADS) return
  for (;;) {
    for (let i = 0; i < spins; i++) if (atomic.load<i32>(control) >= region) return
    atomic.add<i32>(control + sleepersAt, 1)
    const opened = atomic.load<i32>(control)
    if (opened < region) atomic.wait<i32>(control, opened, -1)
    atomic.sub<i32>(control + sleepersAt, 1)
  }
}
