/**
 * What attention holds at its peak beyond its inputs: one contestant, one size, in a process of its own. Prints one line of JSON.
 *
 *   attention-memory.node.ts casa|tfjs TOKENS forward|gradients
 */
import * as tf from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../src/engine/wasm/kernel.ts'
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
    await createPeer('wasm')
    return prepareAttention
  }
  const { createPeer, prepareAttention } = await import('./peers/tfjs.node.ts')
  await createPeer()
  return prepareAttention
}

/** Counts what is allocated from now on; returns what reads the peak. Kernels' own C++ temporaries are not seen. */
function watchHeap(): () => number {
  const { wasm } = tf.backend() as unknown as WasmBackend
  // Emscripten replaces its stubs at the first call; wrap what stays.
  wasm._free(wasm._malloc(1))
  const { _malloc, _free } = wasm
  const sizes = new Map<number, number>()
  let [held, peak] = [0, 0]
  wasm._malloc = (bytes) => {
    const pointer = _malloc(bytes)
    if (pointer === 0) throw new Error(`${Math.round((held + bytes) / 2 ** 20)} MiB do not fit into a WebAssembly heap`)
    sizes.set(pointer, bytes)
    peak = Math.max(peak, (held += bytes))
    return pointer
  }
  wasm._free = (pointer) => {
    held -= sizes.get(pointer) ?? 0
    sizes.delete(pointer)
    _free(pointer)
  }
  return () => peak
}

async function measure(contestant: string, tokens: number, withGradient: boolean): Promise<MemoryResult> {
  const prepare = await preparerOf(contestant)
  const shape = { ...attentionShape, batch: 1 }
  await prepare(withGradient, { ...shape, tokens: 16 })()
  const run = prepare(withGradient, { ...shape, tokens })
  const heapPeak = watchHeap()
  const before = process.resourceUsage().maxRSS
  await run()
  return { heapBytes: heapPeak(), processBytes: (process.resourceUsage().maxRSS - before) * 1024 }
}

const [contestant, tokens, way] = process.argv.slice(2)
console.log(JSON.stringify(await measure(contestant, Number(tokens), way === 'gradients')))
