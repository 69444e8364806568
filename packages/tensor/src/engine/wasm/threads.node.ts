/** Kernel threads in Node: worker threads. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread, Worker } from 'node:worker_threads'
import { threadSource } from './thread-source.ts'
import type { Thread, ThreadData } from './thread-pool.ts'

const mostByDefault = 8

/**
 * Default number of threads: the physical cores, at most 8; one in a worker thread, as the thread that started it already uses the cores.
 * The environment variable CASA_THREADS overrides it.
 */
export function defaultThreads(): { threads: number; reason: string } {
  const told = Number(process.env.CASA_THREADS)
  if (told >= 1) return { threads: Math.floor(told), reason: 'CASA_THREADS' }
  if (!isMainThread) return { threads: 1, reason: 'in a worker thread' }
  const cores = Math.min(physicalCores(), availableParallelism())
  return { threads: Math.min(mostByDefault, cores), reason: `${cores} cores` }
}

/** Linux lists physical cores. Elsewhere every processor counts as a core: Macs have one thread per core. */
function physicalCores(): number {
  try {
    const processors = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')
    const cores = new Set(processors.map((text) => text.match(/^(physical id|core id)\s*:.*$/gm)?.join()))
    cores.delete(undefined)
    return cores.size || availableParallelism()
  } catch {
    return availableParallelism()
  }
}

export function startThread(data: ThreadData): Thread {
  const source = `${threadSource}\nrunThread(require('node:worker_threads').workerData)`
  const worker = new Worker(source, { eval: true, workerData: data, env: {}, execArgv: [] })
  // Otherwise it would keep the process alive.
  worker.unref()
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  return {
    // It starts even while this thread is busy.
    ready: Promise.resolve(),
    onEnd(report) {
      worker.once('error', (error) => report(error.message))
      worker.once('exit', (code) => report(`exit code ${code}`))
    },
    async stop() {
      await worker.terminate()
      await ended
    },
  }
}
