/** A plan: a step that was made ready once, and is then run again and again with other tokens. */
import { ArgumentError } from '@casa-js/base'
import { sizeOf, type Tensor } from '../engine/tensor.ts'
import type { Counters, Value } from './nodes.ts'

/** What a step gives: logits, for a step that says something about the next token. Valid until the plan runs again. */
export interface PlanResult {
  /** float32 [V] */
  logits(): Promise<Float32Array>
  /** The largest logits, descending, and their ids; of equal logits the lower id first. */
  largest(count: number): Promise<Largest>
  /** The id of the largest logit, of equal ones the lower; undefined where no logit is a number. Of a GPU 4 bytes are read. */
  likeliest(): Promise<number | undefined>
  /** A copy, as a new tensor. */
  tensor(): Tensor
}

export interface Largest {
  values: Float32Array
  ids: Int32Array
}

/** What is handed to a step anew, by name: tensors, and host arrays that it makes tensors of. */
export type Given = Readonly<Record<string, Tensor | Float32Array | Int32Array>>

export const isOnHost = (given: Given[string]): given is Float32Array | Int32Array =>
  given instanceof Float32Array || given instanceof Int32Array

/** @throws ArgumentError where something is missing, or has another size or type than what was traced: it would be copied over others' memory. */
export function checkGiven(values: readonly Value[], given: Given): void {
  for (const { given: name, shape, dtype } of values) {
    if (name === undefined) continue
    const each = given[name]
    const found = each && (isOnHost(each) ? (each instanceof Int32Array ? 'int32' : 'float32') : each.dtype)
    const size = each && (isOnHost(each) ? each.length : each.size)
    if (found !== dtype || size !== sizeOf(shape))
      throw new ArgumentError(`${name}: a step like those before takes ${dtype} [${shape}], and was given ${size ?? 'no'} values`)
  }
}

export interface Plan {
  /** How far every track has moved from the first trace; undefined where the plan does not fit, or its buffers have no room. */
  movesAt(counters: Counters): number[] | undefined
  /**
   * @param moves what `movesAt` returned
   * @param ids as many as were traced
   * @param given under the names and of the sizes that were traced
   * @throws ArgumentError if it is not
   */
  run(moves: readonly number[], ids: Int32Array, given?: Given): PlanResult
  dispose(): void
}

/** The first `count` of the values in descending order, and their indices; of equal values the lower index first. */
export function largestOf(values: Float32Array, count: number): Largest {
  const ids: number[] = []
  for (let id = 0; id < values.length; id++) {
    const value = values[id]!
    if (ids.length === count && !(value > values[ids.at(-1)!]!)) continue
    if (Number.isNaN(value)) continue
    let rank = ids.length
    while (rank > 0 && values[ids[rank - 1]!]! < value) rank--
    ids.splice(rank, 0, id)
    if (ids.length > count) ids.pop()
  }
  return { values: Float32Array.from(ids, (id) => values[id]!), ids: Int32Array.from(ids) }
}

/** The index of the largest value, of equal ones the first; undefined where all are -Infinity or not numbers. */
export function likeliestOf(values: Float32Array): number | undefined {
  let best = -Infinity
  let found: number | undefined
  for (let i = 0; i < values.length; i++) if (values[i]! > best) best = values[(found = i)]!
  return found
}
