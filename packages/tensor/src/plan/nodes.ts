/**
 * What traces of one step have in common.
 *
 * A step (a token, a piece of a prompt, the text around a new image) runs the same kernels on the same memory every time; only a few numbers
 * change (where rows are written, how many keys are seen, positions), the tokens' ids, and what is given anew (an image). A sequence has counters: the tokens in its cache, and the numbers of its fusion's state.
 * Every number that changes must follow one of them: it is the counter plus a constant. Which one shows when the counters part, as they
 * do when a new image starts a window's count anew; until then a number follows several, and a step where these disagree does not fit.
 * So nothing has to be declared by those who write models. Whatever else differs is an error: such a step has no plan.
 */
import type { DType } from '../engine/tensor.ts'
import { hostTensor, type HostTensorAttributes, type TracedCall, type TracedKernel, type TracedTensor } from '../engine/trace.ts'

/** Where a sequence is. Every step has the same names. */
export type Counters = Readonly<Record<string, number>>

/** The memory of a tensor: made anew in every step, `given` with it under this name, or `external`, which outlives it (weights, caches). */
export interface Value {
  index: number
  shape: number[]
  dtype: DType
  given?: string
  external?: object
}

/** Counters that moved alike in all traces. */
export interface Track {
  counters: readonly string[]
  /** The largest move with which the numbers that follow it are within their buffers. */
  room: number
}

/** A number of a kernel: that of the first trace, and the index of the track that it follows; none if it stays. */
export interface Moving {
  first: number
  track: number | undefined
}

/** The number at a step. @param moves of every track, since the first trace */
export const at = ({ first, track }: Moving, moves: readonly number[]): number =>
  first + (track === undefined ? 0 : moves[track]!)

export interface PlanNode {
  kernel: string
  run: TracedKernel
  inputs: Readonly<Record<string, Operand>>
  outputs: readonly Operand[]
  attributes: Readonly<Record<string, unknown>>
  /** The numbers of the attribute that may change, if the kernel has one (`movingAttributes`). */
  moving?: readonly Moving[]
  /** Its ids are the step's. */
  takesIds?: true
}

/** A value in the shape that a kernel sees. */
export interface Operand {
  value: Value
  shape: number[]
}

export interface StepNodes {
  nodes: PlanNode[]
  values: Value[]
  result: Value
  /** How many ids it takes. */
  ids: number
  tracks: readonly Track[]
  /** Of the first trace. */
  counters: Counters
  /** Names of those that never changed: a step where they do does not fit. */
  fixed: readonly string[]
}

type HostArray = Float32Array | Int32Array

/**
 * For each of some pieces of work, by index, the values that no later piece makes or reads. Those that are external or given stay.
 * @param usedBy the values that a piece makes and reads
 */
export function lastUses<T>(work: readonly T[], usedBy: (piece: T) => readonly Value[]): Map<number, Value[]> {
  const last = new Map<Value, number>()
  work.forEach((piece, index) => {
    for (const value of usedBy(piece)) if (!value.external && value.given === undefined) last.set(value, index)
  })
  const by = new Map<number, Value[]>()
  for (const [value, index] of last) by.set(index, [...(by.get(index) ?? []), value])
  return by
}

/** One traced step. */
export interface StepTrace {
  calls: readonly TracedCall[]
  ids: Int32Array
  /** Tensors that are handed to the step, and arrays that it makes tensors of, by name. */
  given: Readonly<Record<string, TracedTensor | HostArray>>
  /** Before the step. */
  counters: Counters
  result: TracedTensor
}

/** Why a step has no plan. */
export class NoPlan {
  constructor(readonly why: string) {}
}

/** Attributes whose integers may change, and these integers. */
const movingAttributes: Record<string, { read(a: Attributes): number[]; name: string }> = {
  WriteRows: { name: 'offset', read: (a) => [a.offset as number] },
  Attention: { name: 'cuK', read: (a) => [...(a.cuK as Int32Array)] },
  RopeTable: { name: 'rows', read: (a) => (a.rows as Int32Array[]).flatMap((row) => [...row]) },
}

type Attributes = Readonly<Record<string, unknown>>

/** How far every track has moved at these counters; undefined where the steps do not fit. */
export function movesAt({ tracks, counters, fixed }: StepNodes, now: Counters): number[] | undefined {
  if (fixed.some((name) => now[name] !== counters[name])) return undefined
  const moves = tracks.map(({ counters: [name] }) => now[name!]! - counters[name!]!)
  const fits = tracks.every(
    (track, i) => moves[i]! <= track.room && track.counters.every((name) => now[name]! - counters[name]! === moves[i]),
  )
  return fits ? moves : undefined
}

/** @returns the nodes of the step that was traced, or why there is no plan */
export function nodesOf(traces: readonly [StepTrace, StepTrace, ...StepTrace[]]): StepNodes | NoPlan {
  const [first, ...others] = traces
  const names = Object.keys(first.counters)
  const fixed = names.filter((name) => traces.every(({ counters }) => counters[name] === first.counters[name]))
  const tracks = new Tracks(traces)
  const values: Value[] = []
  /** For each trace, the values by their memory. */
  const found = traces.map(() => new Map<object, Value>())
  const nodes: PlanNode[] = []
  const made = ({ shape, dtype }: TracedTensor, ids: object[]): Value => {
    const value: Value = { index: values.length, shape, dtype }
    values.push(value)
    ids.forEach((id, i) => found[i]!.set(id, value))
    return value
  }
  if (others.some(({ calls }) => calls.length !== first.calls.length)) return new NoPlan('two steps ran different kernels')
  for (const [i, call] of first.calls.entries()) {
    const again = others.map(({ calls }) => calls[i]!)
    const { kernel, run } = call
    const inputNames = Object.keys(call.inputs).join()
    if (again.some((other) => other.kernel !== kernel || Object.keys(other.inputs).join() !== inputNames))
      return new NoPlan('two steps ran different kernels')
    if (kernel === hostTensor) {
      const data = [call, ...again].map(({ attributes }) => (attributes as unknown as HostTensorAttributes).data)
      const given = nameOf(traces, (array, t) => array === data[t])
      if (given !== undefined) {
        made(
          call.outputs[0]!,
          [call, ...again].map(({ outputs }) => outputs[0]!.dataId),
        ).given = given
        continue
      }
      // A copy could pass for a constant when the same is given twice.
      if (nameOf(traces, (array, t) => same(array, data[t]))) return new NoPlan('a tensor is made of a copy of what is given')
      if (first.ids.length > 0 && traces.every(({ ids }, t) => same(ids, data[t])))
        return new NoPlan('a tensor is made of the ids of the tokens')
    }
    const inputs: Record<string, Operand> = {}
    for (const [name, input] of Object.entries(call.inputs)) {
      const all = [input, ...again.map((other) => other.inputs[name]!)]
      if (!all.every((other) => sameShape(input, other)))
        return new NoPlan(`${kernel}: the shape of ${name} changes from step to step`)
      let value = found[0]!.get(input.dataId)
      if (all.some(({ dataId }, t) => found[t]!.get(dataId) !== value))
        return new NoPlan(`${kernel}: ${name} comes from different places`)
      if (!value) {
        const ids = all.map(({ dataId }) => dataId)
        const given = nameOf(traces, (given, t) => 'dataId' in given && given.dataId === ids[t])
        if (given === undefined && ids.some((id) => id !== input.dataId))
          return new NoPlan(`${kernel}: ${name} [${input.shape}] is made in every step by an operator that plans do not know`)
        value = made(input, ids)
        if (given === undefined) value.external = input.dataId
        else value.given = given
      }
      inputs[name] = { value, shape: input.shape }
    }
    const node: PlanNode = { kernel, run, inputs, outputs: [], attributes: call.attributes }
    const problem = compareAttributes(node, traces, i, tracks)
    if (problem) return new NoPlan(`${kernel}: ${problem}`)
    for (const [o, output] of call.outputs.entries()) {
      if (again.some(({ outputs }) => !outputs[o] || !sameShape(output, outputs[o])))
        return new NoPlan(`${kernel}: its result changes its shape from step to step`)
    }
    const outputs = call.outputs.map((output, o) => ({
      value: made(output, [output.dataId, ...again.map(({ outputs }) => outputs[o]!.dataId)]),
      shape: output.shape,
    }))
    nodes.push({ ...node, outputs })
    tracks.limit(node)
  }
  const result = found[0]!.get(first.result.dataId)
  if (
    !result ||
    result.external ||
    result.given !== undefined ||
    traces.some((trace, t) => found[t]!.get(trace.result.dataId) !== result)
  )
    return new NoPlan('the result of the step comes from an operator that plans do not know')
  return { nodes, values, result, ids: first.ids.length, tracks: tracks.list, counters: first.counters, fixed }
}

/** The name under which every trace was given what is wanted. */
const nameOf = (
  traces: readonly StepTrace[],
  isWanted: (given: TracedTensor | HostArray, trace: number) => boolean,
): string | undefined =>
  Object.keys(traces[0]!.given).find((name) => traces.every(({ given }, t) => given[name] && isWanted(given[name], t)))

const sameShape = (a: TracedTensor, b: TracedTensor): boolean => a.dtype === b.dtype && a.shape.join() === b.shape.join()

/** The tracks that numbers were found to follow. */
class Tracks {
  readonly list: Track[] = []
  private readonly steps: readonly Counters[]

  constructor(traces: readonly StepTrace[]) {
    this.steps = traces.map(({ counters }) => counters)
  }

  /** A number that has these values in the traces; undefined if it follows no counter. */
  follow(values: readonly number[]): Moving | undefined {
    const [first] = values as [number]
    if (values.every((value) => value === first)) return { first, track: undefined }
    const [from] = this.steps as [Counters]
    const counters = Object.keys(from).filter((name) =>
      values.every((value, t) => value - first === this.steps[t]![name]! - from[name]!),
    )
    if (counters.length === 0) return undefined
    let track = this.list.findIndex((known) => known.counters.join() === counters.join())
    if (track < 0) track = this.list.push({ counters, room: Infinity }) - 1
    return { first, track }
  }

  /** The rows that a kernel writes, or the keys that it reads, must be there. */
  limit({ kernel, inputs, attributes, moving = [] }: PlanNode): void {
    const last = moving.at(-1)
    if (last?.track === undefined || kernel === 'RopeTable') return
    const most = kernel === 'WriteRows' ? inputs.target!.shape[0]! - (attributes.rows as number) : inputs.k!.shape[0]!
    const track = this.list[last.track]!
    track.room = Math.min(track.room, most - last.first)
  }
}

/** Adds what moves, or takes ids, to the node, call `i` of every trace. Returns what else differs. */
function compareAttributes(node: PlanNode, traces: readonly StepTrace[], i: number, tracks: Tracks): string | undefined {
  const may = movingAttributes[node.kernel]
  const all = traces.map(({ calls }) => calls[i]!.attributes)
  const [a, ...others] = all as [Attributes, ...Attributes[]]
  for (const name of Object.keys(a)) {
    if (name === 'ids') {
      if (traces.every(({ ids }, t) => ids === all[t]!.ids)) {
        node.takesIds = true
        continue
      }
      // A copy of the token's id could pass for a constant when a token repeats.
      if (same(a[name], traces[0]!.ids)) return 'ids may be those of the token, but are a copy of them'
    }
    if (may?.name === name) {
      const numbers = all.map((attributes) => may.read(attributes))
      if (numbers.some((list) => list.length !== numbers[0]!.length)) return `${name} changes its length from step to step`
      const moving = numbers[0]!.map((_, j) => tracks.follow(numbers.map((list) => list[j]!)))
      if (!moving.every((number) => number !== undefined)) return `${name} changes as no count of the sequence does`
      node.moving = moving
    } else if (!others.every((other) => same(a[name], other[name]))) return `${name} changes from step to step`
  }
  return undefined
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (isArray(a) && isArray(b)) return a.length === b.length && a.every((value, i) => Object.is(value, b[i]))
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [x, y] = [Object.entries(a), Object.entries(b)]
  return x.length === y.length && x.every(([name, value], i) => y[i]![0] === name && same(value, y[i]![1]))
}

const isArray = (x: unknown): x is HostArray => x instanceof Float32Array || x instanceof Int32Array
