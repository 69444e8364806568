/** Starts a module of this package in a worker thread. */
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * From sources, a worker needs tsx and the export condition under which casa-js packages resolve to their sources.
 *
 * @param entry path of the module from this one, without its extension, e.g. "./worker.node"
 */
export function startWorker(entry: string, options: WorkerOptions): Worker {
  return import.meta.url.endsWith('.ts')
    ? new Worker(new URL('./worker-from-source.mjs', import.meta.url), {
        ...options,
        argv: [`${entry}.ts`],
        execArgv: ['--conditions=@casa-js/source'],
      })
    : new Worker(new URL(`${entry}.js`, import.meta.url), options)
}
