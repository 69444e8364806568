/**
 * A dataset made by worker threads. Each worker makes its own copy of the dataset from the same module and options; an index goes
 * to the worker with the least to do. Each request has its own promise, so results do not depend on which worker finishes first.
 */
import { Worker } from 'node:worker_threads'
import { CasaError } from '@casa-js/base'
import type { Dataset, Example } from '@casa-js/core'
import { BrokenExampleError } from './broken-example.ts'
import type { FailureReport, Reply, WorkerTask } from './worker-protocol.ts'

export interface WorkerDatasetOptions {
  /** Module whose default export is `(options) => Dataset | Promise<Dataset>`. */
  module: URL | string
  /** Given to it in every worker; must survive a structured clone. */
  options?: unknown
  /** Threads. Default 1. */
  workers?: number
}

interface Thread {
  worker: Worker
  pending: Map<number, { resolve(example: Example): void; reject(error: Error): void }>
}

/**
 * Node 20 loads no TypeScript. A worker that needs it starts with a line that brings in tsx first (as an `--import` flag, tsx comes
 * too late for a worker's entry). Sources of casa resolve to sources, what is built to what is built.
 */
function startWorker(entry: URL, task: WorkerTask): Worker {
  const urls = [entry.href, task.module]
  if (!urls.some((url) => /\.[cm]?tsx?$/.test(url))) return new Worker(entry, { workerData: task })
  let loader: string
  try {
    loader = import.meta.resolve('tsx/esm/api')
  } catch {
    throw new CasaError(`${urls.join(', ')}: TypeScript in a data worker needs the package tsx; install it or build first`)
  }
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => (register(), import(${JSON.stringify(entry.href)})))`
  const execArgv = entry.href.endsWith('.ts') ? ['--conditions=@casa-js/source'] : []
  return new Worker(code, { eval: true, workerData: task, execArgv })
}

const errorOf = ({ name, message }: FailureReport) =>
  name === 'BrokenExampleError' ? new BrokenExampleError(message) : new CasaError(message)

/**
 * Starts the workers and waits until each has its dataset. Dispose with `close()`; idle workers do not keep Node alive.
 * @throws CasaError with the dataset's own message when it cannot be made.
 */
export async function createWorkerDataset({ module, options, workers = 1 }: WorkerDatasetOptions): Promise<Dataset> {
  const task: WorkerTask = { module: String(module), options }
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.node.ts' : './worker.node.js', import.meta.url)
  const threads: Thread[] = []
  let failure: Error | undefined
  let requests = 0

  const fail = (error: Error) => {
    failure ??= error
    for (const { pending } of threads) {
      for (const { reject } of pending.values()) reject(failure)
      pending.clear()
    }
  }

  const start = () =>
    new Promise<{ name: string; length: number }>((resolve, reject) => {
      const worker = startWorker(entry, task)
      const thread: Thread = { worker, pending: new Map() }
      threads.push(thread)
      worker.on('message', (reply: Reply) => {
        if (reply.kind === 'ready') return resolve(reply)
        if (reply.kind === 'failed') return reject(errorOf(reply.error))
        const waiting = thread.pending.get(reply.request)
        thread.pending.delete(reply.request)
        if (thread.pending.size === 0) worker.unref()
        if (reply.kind === 'example') waiting?.resolve(reply.example)
        else waiting?.reject(errorOf(reply.error))
      })
      const lost = (why: string) => {
        const error = new CasaError(`dataset worker of ${task.module} ${why}`)
        reject(error)
        fail(error)
      }
      worker.on('error', (error) => lost(`failed: ${error.message}`))
      worker.on('exit', (code) => lost(`ended with code ${code}`))
    })

  const close = async () => {
    fail(new CasaError(`dataset of ${task.module} is closed`))
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }

  let made: { name: string; length: number }[]
  try {
    made = await Promise.all(Array.from({ length: Math.max(1, workers) }, start))
  } catch (error) {
    await close()
    throw error
  }
  for (const { worker } of threads) worker.unref()

  return {
    name: made[0]!.name,
    length: made[0]!.length,
    get: (index) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        const thread = threads.reduce((least, other) => (other.pending.size < least.pending.size ? other : least))
        const request = requests++
        thread.pending.set(request, { resolve, reject })
        thread.worker.ref()
        thread.worker.postMessage({ request, index })
      }),
    close,
  }
}
