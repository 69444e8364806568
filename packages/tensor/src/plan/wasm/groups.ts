/** Which nodes of a plan may run at the same time. */
import type { PlanNode, Value } from '../nodes.ts'

/**
 * Neighbours that may run at the same time, as none reads or writes what another one writes.
 * @param mayJoin nodes that stay alone say false
 */
export function groupsOf<T extends { node: PlanNode }>(nodes: readonly T[], mayJoin: (bound: T) => boolean): T[][] {
  const groups: T[][] = []
  let read = new Set<Value>()
  let written = new Set<Value>()
  let open = false
  for (const bound of nodes) {
    const { inputs, outputs, kernel } = bound.node
    const reads = Object.values(inputs).map(({ value }) => value)
    const writes = outputs.map(({ value }) => value)
    if (kernel === 'WriteRows') writes.push(inputs.target!.value)
    const joins = mayJoin(bound)
    const isFree = !reads.some((value) => written.has(value)) && !writes.some((value) => written.has(value) || read.has(value))
    if (open && joins && isFree) groups.at(-1)!.push(bound)
    else {
      groups.push([bound])
      ;[read, written] = [new Set(), new Set()]
    }
    open = joins
    for (const value of reads) read.add(value)
    for (const value of writes) written.add(value)
  }
  return groups
}
