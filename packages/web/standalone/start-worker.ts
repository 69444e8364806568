/**
 * Starts the worker for pages without a bundler, in place of src/start-worker.ts. The folder may lie on another origin than the page, a CDN,
 * and browsers start workers from the page's own origin alone: then a script of the page imports the worker.
 */
/// <reference types="vite/client" />
// oxlint-disable-next-line import/default -- Vite makes an address of it
import workerAddress from '../src/standalone/worker.js?worker&url'

/** @returns the default worker of `createVlmClient` */
export function startWorker(): Worker {
  const url = new URL(workerAddress, import.meta.url)
  const options: WorkerOptions = { type: 'module', name: 'casa-js' }
  if (url.origin === location.origin) return new Worker(url, options)
  const script = new Blob([`import ${JSON.stringify(url.href)}`], { type: 'text/javascript' })
  // Never revoked: a worker reads its script later, and does not say when.
  return new Worker(URL.createObjectURL(script), options)
}
