/**
 * A bound on tfjs's buffer pool.
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
  let peakBytes = 0
  pool.acquireBuffer = (size, usage, ...rest) => {
    const buffer = acquire(size, usage, ...rest)
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
