/** Starts this package's worker, in the one form that bundlers look for. */

/** @returns the default worker of `createVlmClient` */
export const startWorker = (): Worker =>
  new Worker(new URL('./standalone/worker.js', import.meta.url), { type: 'module', name: 'casa-js' })
