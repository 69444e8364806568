/**
 * A plan on wasm: the calls of the op-by-op path, noted once as a list that our module walks by itself (engine/wasm/regions.ts). Nothing of
 * tfjs runs in a step, and of JavaScript only what writes the numbers that change. The same kernels get the same numbers, so the result has
 * the same bits.
 */
import * as tf from '@tensorflow/tfjs-core'
import { hold } from '../../engine/held.ts'
import { sizeOf } from '../../engine/tensor.ts'
import { flushKernels, writeHeap, type WasmBackend } from '../../engine/wasm/device.ts'
import { movesAt, type StepNodes, type Value } from '../nodes.ts'
import { checkGiven, isOnHost, largestOf, likeliestOf, type Plan, type PlanResult } from '../plan.ts'
import { HeapBlock } from './heap-block.ts'
import { placesOf } from './places.ts'
import { StepList } from './step-list.ts'

export function planOnWasm(step: StepNodes, backend: WasmBackend): Plan {
  const { result } = step
  const { offsets, bytes } = placesOf(step)
  const block = new HeapBlock(backend, bytes)
  const pointerOf = (value: Value): number =>
    value.external ? backend.dataIdMap.get(value.external).memoryOffset : block.pointer + offsets.get(value)!
  const list = listOf(step, pointerOf, backend, block)
  const width = sizeOf(result.shape)
  const handed = step.values.filter(({ given }) => given !== undefined)
  // Values, which stand for tensors. Lists and scratch memory are not counted, as outside a plan.
  const release = hold(bytes)
  const logits = () => new Float32Array(backend.wasm.HEAPU8.buffer, pointerOf(result), width)
  let disposed = false
  return {
    movesAt: (counters) => movesAt(step, counters),
    run(moves, ids, given = {}): PlanResult {
      checkGiven(handed, given)
      if (handed.length > 0) flushKernels()
      for (const value of handed) {
        const each = given[value.given!]!
        if (isOnHost(each)) writeHeap(backend, pointerOf(value), each)
        else {
          const from = backend.dataIdMap.get(each.dataId).memoryOffset
          backend.wasm.HEAPU8.copyWithin(pointerOf(value), from, from + 4 * sizeOf(value.shape))
        }
      }
      list.run(moves, ids)
      return {
        logits: () => Promise.resolve(logits().slice()),
        largest: (count) => Promise.resolve(largestOf(logits(), count)),
        likeliest: () => Promise.resolve(likeliestOf(logits())),
        tensor() {
          const copy = backend.makeOutput(result.shape, result.dtype)
          const { memoryOffset } = backend.dataIdMap.get(copy.dataId)
          backend.wasm.HEAPU8.copyWithin(memoryOffset, pointerOf(result), pointerOf(result) + 4 * width)
          return tf.engine().makeTensorFromTensorInfo(copy)
        },
      }
    },
    dispose() {
      if (disposed) return
      disposed = true
      list.dispose()
      block.free()
      release()
    },
  }
}

/** @throws OutOfMemoryError and frees the block */
function listOf(
  { nodes, ids, tracks }: StepNodes,
  pointerOf: (value: Value) => number,
  backend: WasmBackend,
  block: HeapBlock,
): StepList {
  try {
    return new StepList(
      nodes,
      ids,
      pointerOf,
      backend,
      tracks.map(() => 0),
    )
  } catch (error) {
    block.free()
    throw error
  }
}
