/**
 * What two traces of one step have in common.
 *
 * A step of decoding runs the same kernels on the same memory every time; only a few numbers grow by the same amount from step to step
 * (where rows are written, how many keys are seen, positions), and the token's id changes. Two traces of consecutive steps show which
 * ones, so nothing has to be declared by those who write models. Whatever else differs is an error: such a step has no plan.
 */
import type { DType } from '../engine/tensor.ts'
import type { TracedCall, TracedKernel, TracedTensor } from '../engine/trace.ts'

/** The memory of a tensor: made anew in every step, or `external`, which outlives it (weights, caches). */
export interface Value {
  index: number
  shape: number[]
  dtype: DType
  external?: object
}

/** A number that grows: `first` at step 0, by `by` every step. */
export interface Growing {
  first: number
  by: number
}

export const at = ({ first, by }: Growing, step: number): number => first + by * step

export interface PlanNode {
  kernel: string
  run: TracedKernel
  inputs: Readonly<Record<string, Operand>>
  outputs: readonly Operand[]
  attributes: Readonly<Record<string, unknown>>
  /** The numbers of the growing attribute, if the kernel has one (`growingAttributes`). */
  growing?: readonly Growing[]
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
  /** The last step that fits: beyond it a buffer is full. */
  lastStep: number
}

/** One traced step. */
export interface StepTrace {
  calls: readonly TracedCall[]
  ids: Int32Array
  result: TracedTensor
}

/** Why a step has no plan. */
export class NoPlan {
  constructor(readonly why: string) {}
}

/** Attributes whose integers may grow, and the number of them. */
const growingAttributes: Record<string, { read(a: Attributes): number[]; name: string }> = {
  WriteRows: { name: 'offset', read: (a) => [a.offset as number] },
  Attention: { name: 'cuK', read: (a) => [...(a.cuK as Int32Array)] },
  RopeTable: { name: 'rows', read: (a) => (a.rows as Int32Array[]).flatMap((row) => [...row]) },
}

type Attributes = Readonly<Record<string, unknown>>

/** @returns the nodes of the step, step 0 being the first trace; or why there is no plan */
export function nodesOf(first: StepTrace, second: StepTrace): StepNodes | NoPlan {
  if (first.calls.length !== second.calls.length) return new NoPlan('two steps ran different kernels')
  const values: Value[] = []
  const found: [Map<object, Value>, Map<object, Value>] = [new Map(), new Map()]
  const nodes: PlanNode[] = []
  const made = ({ shape, dtype }: TracedTensor, ...ids: [object, object]): Value => {
    const value: Value = { index: values.length, shape, dtype }
    values.push(value)
    ids.forEach((id, i) => found[i]!.set(id, value))
    return value
  }
  let lastStep = Infinity
  for (const [i, call] of first.calls.entries()) {
    const again = second.calls[i]!
    const { kernel, run } = call
    if (kernel !== again.kernel || Object.keys(call.inputs).join() !== Object.keys(again.inputs).join())
      return new NoPlan('two steps ran different kernels')
    const inputs: Record<string, Operand> = {}
    for (const [name, input] of Object.entries(call.inputs)) {
      const other = again.inputs[name]!
      if (!sameShape(input, other)) return new NoPlan(`${kernel}: the shape of ${name} changes from step to step`)
      let value = found[0].get(input.dataId)
      if (value !== found[1].get(other.dataId)) return new NoPlan(`${kernel}: ${name} comes from different places`)
      if (!value) {
        if (input.dataId !== other.dataId)
          return new NoPlan(`${kernel}: ${name} [${input.shape}] is made in every step by an operator that plans do not know`)
        value = made(input, input.dataId, input.dataId)
        value.external = input.dataId
      }
      inputs[name] = { value, shape: input.shape }
    }
    const node: PlanNode = { kernel, run, inputs, outputs: [], attributes: call.attributes }
    const problem = compareAttributes(node, call.attributes, again.attributes, first.ids, second.ids)
    if (problem) return new NoPlan(`${kernel}: ${problem}`)
    for (const [o, output] of call.outputs.entries()) {
      const other = again.outputs[o]
      if (!other || !sameShape(output, other)) return new NoPlan(`${kernel}: its result changes its shape from step to step`)
    }
    const outputs = call.outputs.map((output, o) => ({
      value: made(output, output.dataId, again.outputs[o]!.dataId),
      shape: output.shape,
    }))
    nodes.push({ ...node, outputs })
    lastStep = Math.min(lastStep, lastStepOf(node))
  }
  const result = found[0].get(first.result.dataId)
  if (!result || result.external || result !== found[1].get(second.result.dataId))
    return new NoPlan('the result of the step comes from an operator that plans do not know')
  return { nodes, values, result, lastStep }
}

const sameShape = (a: TracedTensor, b: TracedTensor): boolean => a.dtype === b.dtype && a.shape.join() === b.shape.join()

/** Adds what grows, or takes ids, to the node. Returns what else differs. */
function compareAttributes(node: PlanNode, a: Attributes, b: Attributes, idsA: Int32Array, idsB: Int32Array): string | undefined {
  const growing = growingAttributes[node.kernel]
  for (const name of Object.keys(a)) {
    const [x, y] = [a[name], b[name]]
    if (name === 'ids') {
      if (x === idsA && y === idsB) {
        node.takesIds = true
        continue
      }
      // A copy of the token's id could pass for a constant when a token repeats.
      if (same(x, idsA)) return 'ids may be those of the token, but are a copy of them'
    }
    if (growing?.name === name) {
      const [before, after] = [growing.read(a), growing.read(b)]
      if (before.length !== after.length) return `${name} changes its length from step to step`
      node.growing = before.map((value, i) => ({ first: value, by: after[i]! - value }))
      if (node.growing.some(({ by }) => by < 0)) return `${name} falls from step to step`
    } else if (!same(x, y)) return `${name} changes from step to step`
  }
  return undefined
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [x, y] = [Object.entries(a), Object.entries(b)]
  return x.length === y.length && x.every(([name, value], i) => y[i]![0] === name && same(value, y[i]![1]))
}

/** The last step at which the rows that a kernel writes, or the keys that it reads, are there. */
function lastStepOf({ kernel, inputs, attributes, growing = [] }: PlanNode): number {
  const last = growing.at(-1)
  if (!last || last.by === 0) return Infinity
  if (kernel === 'WriteRows') return Math.floor((inputs.target!.shape[0]! - (attributes.rows as number) - last.first) / last.by)
  return kernel === 'Attention' ? Math.floor((inputs.k!.shape[0]! - last.first) / last.by) : Infinity
}
