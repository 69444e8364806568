/**
 * A plan on wasm: the kernels of the op-by-op path, bound once to addresses in the heap. Nothing of tfjs runs in a step: no
 * tensor is made, looked up or freed. The same kernels get the same numbers, so the result has the same bits.
 */
import { hold } from '../engine/held.ts'
import { BoundCall, type HeapTensor, type WasmBackend } from '../engine/wasm/kernel.ts'
import { sizeOf } from '../engine/tensor.ts'
import { at, movesAt, type PlanNode, type StepNodes, type Value } from './nodes.ts'
import { largestOf, likeliestOf, type Plan, type PlanResult } from './plan.ts'

/** Values start at multiples of a cache line. */
const alignment = 64

export function planOnWasm(step: StepNodes, backend: WasmBackend): Plan {
  const { nodes, values, result } = step
  const own = values.filter(({ external }) => !external)
  const offsets = new Map<Value, number>()
  let bytes = 0
  for (const value of own) {
    offsets.set(value, bytes)
    bytes += Math.ceil((4 * sizeOf(value.shape)) / alignment) * alignment
  }
  const block = backend.wasm._malloc(bytes + alignment) >>> 0
  const begin = Math.ceil(block / alignment) * alignment
  const pointerOf = (value: Value): number =>
    value.external ? backend.dataIdMap.get(value.external).memoryOffset : begin + offsets.get(value)!
  const ids = Int32Array.of(0)
  const calls = nodes.map((node) => bind(node, pointerOf, ids, backend))
  const width = sizeOf(result.shape)
  const logits = () => new Float32Array(backend.wasm.HEAPU8.buffer, pointerOf(result), width)
  const release = hold(bytes)
  let disposed = false
  return {
    movesAt: (counters) => movesAt(step, counters),
    run(moves, id): PlanResult {
      ids[0] = id
      for (const call of calls) call(moves)
      return {
        logits: () => Promise.resolve(logits().slice()),
        largest: (count) => Promise.resolve(largestOf(logits(), count)),
        likeliest: () => Promise.resolve(likeliestOf(logits())),
      }
    },
    dispose() {
      if (disposed) return
      disposed = true
      backend.wasm._free(block)
      release()
    },
  }
}

function bind(node: PlanNode, pointerOf: (value: Value) => number, ids: Int32Array, backend: WasmBackend) {
  const inputs = Object.fromEntries(
    Object.entries(node.inputs).map(([name, { value, shape }]): [string, HeapTensor] => [
      name,
      { pointer: pointerOf(value), shape },
    ]),
  )
  const call = new BoundCall(
    node.kernel,
    backend,
    inputs,
    node.outputs.map(({ value }) => pointerOf(value)),
  )
  const { attributes, move } = attributesOf(node, ids)
  return (moves: readonly number[]): void => {
    move(moves)
    try {
      node.run.wasm(call, attributes)
    } finally {
      call.release()
    }
  }
}

/** The attributes of a node, and a function that sets them to those of a step. */
function attributesOf({ kernel, attributes, moving = [], takesIds }: PlanNode, ids: Int32Array) {
  const own: Record<string, unknown> = { ...attributes, ...(takesIds && { ids }) }
  const changing = moving.some(({ track }) => track !== undefined)
  let move = (_moves: readonly number[]): void => {}
  if (changing && kernel === 'WriteRows') {
    move = (moves) => void (own.offset = at(moving[0]!, moves))
  } else if (changing && kernel === 'Attention') {
    const cuK = (own.cuK = Int32Array.from(attributes.cuK as Int32Array))
    move = (moves) => moving.forEach((number, i) => void (cuK[i] = at(number, moves)))
  } else if (changing) {
    const rows = (own.rows = (attributes.rows as Int32Array[]).map((row) => row.slice()))
    const width = rows[0]!.length
    move = (moves) => moving.forEach((number, i) => void (rows[Math.floor(i / width)]![i % width] = at(number, moves)))
  }
  return { attributes: own, move }
}
