/** Where the values of a plan lie in its memory. */
import { sizeOf } from '../../engine/tensor.ts'
import type { PlanNode, StepNodes, Value } from '../nodes.ts'
import { alignment } from './heap-block.ts'

/** Whether the host computes it, from attributes alone. */
export const isOnHost = ({ inputs }: PlanNode): boolean => Object.keys(inputs).length === 0

/**
 * Memory is taken again by values of the same size once no later node reads it. What is written before the nodes run stays: what is given, and
 * what the host computes.
 */
export function placesOf({ nodes, values, result }: StepNodes): { offsets: Map<Value, number>; bytes: number } {
  const offsets = new Map<Value, number>()
  const free = new Map<number, number[]>()
  let bytes = 0
  const bytesOf = ({ shape }: Value) => alignment * Math.ceil((4 * sizeOf(shape)) / alignment)
  const place = (value: Value, mayReuse: boolean) => {
    const size = bytesOf(value)
    const old = mayReuse ? free.get(size)?.pop() : undefined
    offsets.set(value, old ?? bytes)
    if (old === undefined) bytes += size
  }
  const onHost = nodes.filter(isOnHost).flatMap(({ outputs }) => outputs.map(({ value }) => value))
  const staying = new Set([...values.filter(({ given }) => given !== undefined), ...onHost])
  for (const value of staying) place(value, false)
  const last = lastUses(nodes)
  nodes.forEach(({ inputs, outputs }, i) => {
    for (const { value } of outputs) if (!staying.has(value)) place(value, true)
    const used = new Set([...Object.values(inputs), ...outputs].map(({ value }) => value))
    for (const value of used) {
      if (value.external || staying.has(value) || value === result || last.get(value) !== i) continue
      const size = bytesOf(value)
      free.set(size, [...(free.get(size) ?? []), offsets.get(value)!])
    }
  })
  return { offsets, bytes }
}

/** For each value, the last node that makes or reads it. */
function lastUses(nodes: readonly PlanNode[]): Map<Value, number> {
  const last = new Map<Value, number>()
  nodes.forEach(({ inputs, outputs }, i) => {
    for (const { value } of [...Object.values(inputs), ...outputs]) last.set(value, i)
  })
  return last
}
