/** Steps that are planned once: traced op by op twice, then run from a list. */
import { OutOfMemoryError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { dispose } from '../engine/scope.ts'
import type { Tensor } from '../engine/tensor.ts'
import { traceKernels, traced } from '../engine/trace.ts'
import type { WasmBackend } from '../engine/wasm/device.ts'
import { topK } from '../ops/top-k/index.ts'
import { NoPlan, nodesOf, type Counters, type StepTrace } from './nodes.ts'
import { isOnHost, largestOf, likeliestOf, type Given, type Largest, type Plan } from './plan.ts'
import type { CasaWebgpuBackend } from '../engine/webgpu/backend.ts'
import { planOnWebgpu } from './webgpu/plan.ts'
import { planOnWasm } from './wasm/plan.ts'

export { NoPlan, type Counters, type StepTrace } from './nodes.ts'
export type { Largest, Plan, PlanResult } from './plan.ts'

/** Whether steps can be planned on the current device: not on cpu, the reference. */
export const canPlan = (): boolean => tf.getBackend() !== 'cpu'

/**
 * Run a step op by op and trace it.
 * @param ids the ids of its tokens: `f` must hand this very array to `embedding`, by which it is known
 * @param counters where the sequence is before the step
 * @param f gives the logits [1, V], or another result, kept
 * @param given what is handed to `f` anew in every step, by name: tensors, and the very arrays that it hands to `tensor`
 */
export function traceStep(
  ids: Int32Array,
  counters: Counters,
  f: () => Tensor,
  given: Given = {},
): { logits: Tensor; trace: StepTrace } {
  const { result, calls } = traceKernels(f)
  const handed = Object.fromEntries(Object.entries(given).map(([name, each]) => [name, isOnHost(each) ? each : traced(each)]))
  return { logits: result, trace: { calls, ids, given: handed, counters, result: traced(result) } }
}

/** A plan from the traces of two or more steps at different counters, or why there is none. The caller disposes it. */
export function createPlan(...traces: [StepTrace, StepTrace, ...StepTrace[]]): Plan | NoPlan {
  const nodes = nodesOf(traces)
  if (nodes instanceof NoPlan) return nodes
  try {
    return tf.getBackend() === 'webgpu'
      ? planOnWebgpu(nodes, tf.backend() as CasaWebgpuBackend)
      : planOnWasm(nodes, tf.backend() as WasmBackend)
  } catch (error) {
    // Without room for a plan the sequence goes on op by op.
    if (error instanceof OutOfMemoryError) return new NoPlan(error.message)
    throw error
  }
}

/** The largest of some logits [1, V], descending, and their ids. On a GPU they are selected there, and nothing else is read back. */
export async function largestIn(logits: Tensor, count: number): Promise<Largest> {
  if (tf.getBackend() !== 'webgpu') return largestOf((await logits.data()) as Float32Array, count)
  const { values, indices } = topK(logits, Math.min(count, logits.size))
  try {
    const [found, ids] = (await Promise.all([values.data(), indices.data()])) as [Float32Array, Int32Array]
    const there = ids.findIndex((id) => id >= logits.size)
    return there < 0 ? { values: found, ids } : { values: found.subarray(0, there), ids: ids.subarray(0, there) }
  } finally {
    dispose(values, indices)
  }
}

/** The id of the largest of some logits [1, V]; undefined where none is a number. On a GPU it is found there, and 4 bytes are read. */
export async function likeliestIn(logits: Tensor): Promise<number | undefined> {
  if (tf.getBackend() !== 'webgpu') return likeliestOf((await logits.data()) as Float32Array)
  const { values, indices } = topK(logits, 1)
  try {
    const [id] = (await indices.data()) as Int32Array
    return id! < logits.size ? id : undefined
  } finally {
    dispose(values, indices)
  }
}
