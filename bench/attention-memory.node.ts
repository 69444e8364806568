/**
 * Peak memory of attention beyond its inputs: one contestant and one size, in a separate process. Prints one line of JSON.
 *
 *   attention-memory.node.ts casa|tfjs TOKENS forward|gradients
 */
import { runningDevice } from '../packages/tensor/src/engine/wasm/device.ts'
import { watchHeap } from '../packages/tensor/src/testing/wasm-heap.ts'
import { attentionShape } from './peers/peer.ts'

export interface MemoryResult {
  /** Bytes that were allocated in the wasm heap at once: tensors, results and scratch. */
  heapBytes: number
  /** Growth of the process's largest resident memory. */
  processBytes: number
}

async function preparerOf(contestant: string) {
  if (contestant === 'casa') {
    const { createPeer, prepareAttention } = await import('./peers/casa.ts')
    await createPeer('wasm', 1)
    return prepareAttention
  }
  const { createPeer, prepareAttention } = await import('./peers/tfjs.node.ts')
  await createPeer()
  return prepareAttention
}

async function measure(contestant: string, tokens: number, withGradient: boolean): Promise<MemoryResult> {
  const prepare = await preparerOf(contestant)
  const shape = { ...attentionShape, batch: 1 }
  await prepare(withGradient, { ...shape, tokens: 16 })()
  const run = prepare(withGradient, { ...shape, tokens })
  const peakBytes = contestant === 'casa' ? runningDevice('this bench').heap.watch() : watchHeap()
  const before = process.resourceUsage().maxRSS
  await run()
  return { heapBytes: peakBytes(), processBytes: (process.resourceUsage().maxRSS - before) * 1024 }
}

const [contestant, tokens, way] = process.argv.slice(2) as [string, string, string]
console.log(JSON.stringify(await measure(contestant, Number(tokens), way === 'gradients')))
