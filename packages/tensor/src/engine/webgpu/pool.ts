/**
 * tfjs's buffer pool: bounded, and the same for the same work.
 *
 * Of the free buffers of a size, the one made first is taken. So a piece of work that is done again gets the buffers that it had before,
 * whatever order they were freed in, and finds its bind groups made (bind-groups.ts).
 *
 * The pool keeps every freed buffer for its exact size. If sizes vary (batches of different lengths, growing prompts) the
 * pool grows without bound. Here free buffers may take at most as much memory as was ever in use at once; beyond that, the least
 * recently requested sizes are destroyed. If sizes repeat, nothing is destroyed. Members in brackets are private to tfjs 4.22.0.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'

type Pool = WebGPUBackend['bufferManager']

/** @returns a function that trims the pool to its bound, to be called when everything recorded has been submitted. */
export function boundPool(pool: Pool): () => void {
  const acquire = pool.acquireBuffer.bind(pool)
  const release = pool.releaseBuffer.bind(pool)
  const ages = new WeakMap<GPUBuffer, number>()
  let made = 0
  let peakBytes = 0
  pool.acquireBuffer = (size, usage, ...rest) => {
    const buffer = acquire(size, usage, ...rest)
    if (!ages.has(buffer)) ages.set(buffer, ++made)
    peakBytes = Math.max(peakBytes, pool.numBytesUsed)
    // A Map keeps the order of insertion: what was asked for last moves to its end.
    const key = `${size}_${usage}`
    const waiting = pool['freeBuffers'].get(key)
    if (waiting) {
      pool['freeBuffers'].delete(key)
      pool['freeBuffers'].set(key, waiting)
    }
    return buffer
  }
  pool.releaseBuffer = (buffer, ...rest) => {
    release(buffer, ...rest)
    const waiting = pool['freeBuffers'].get(`${buffer.size}_${buffer.usage}`)
    if (waiting?.at(-1) !== buffer) return
    // The list is taken from its end: younger buffers first.
    let at = waiting.length - 1
    for (; at > 0 && ages.get(waiting[at - 1]!)! < ages.get(buffer)!; at--) waiting[at] = waiting[at - 1]!
    waiting[at] = buffer
  }
  return () => {
    for (const waiting of pool['freeBuffers'].values()) {
      while (waiting.length > 0) {
        if (pool.numBytesAllocated - pool.numBytesUsed <= peakBytes) return
        const buffer = waiting.pop()!
        pool.numBytesAllocated -= buffer.size
        pool['numFreeBuffers']--
        buffer.destroy()
      }
    }
  }
}
