/** Where the values of a plan lie in its memory. */
import { sizeOf } from '../../engine/tensor.ts'
import { lastUses, type PlanNode, type StepNodes, type Value } from '../nodes.ts'
import { alignment } from './heap-block.ts'

/** Whether the host computes it, from attributes alone. */
const isOfHost = ({ inputs }: PlanNode): boolean => Object.keys(inputs).length === 0

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
  const onHost = nodes.filter(isOfHost).flatMap(({ outputs }) => outputs.map(({ value }) => value))
  const staying = new Set([...values.filter(({ given }) => given !== undefined), ...onHost])
  for (const value of staying) place(value, false)
  const lastUse = lastUses(nodes, ({ inputs, outputs }) => [...Object.values(inputs), ...outputs].map(({ value }) => value))
  for (const [index, { outputs }] of nodes.entries()) {
    for (const { value } of outputs) if (!staying.has(value)) place(value, true)
    for (const value of lastUse.get(index) ?? []) {
      if (staying.has(value) || value === result) continue
      const size = bytesOf(value)
      free.set(size, [...(free.get(size) ?? []), offsets.get(value)!])
    }
  }
  return { offsets, bytes }
}
