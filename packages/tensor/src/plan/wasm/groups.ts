/** Which nodes of a plan may run at the same time. */
import type { PlanNode, Value } from '../nodes.ts'

/**
 * Neighbours that may run at the same time, as none reads or writes memory that another one writes.
 * @param mayJoin nodes that stay alone say false
 * @param pointerOf where a value lies
 */
export function groupsOf<T extends { node: PlanNode }>(
  nodes: readonly T[],
  mayJoin: (bound: T) => boolean,
  pointerOf: (value: Value) => number,
): T[][] {
  const groups: T[][] = []
  let read = new Set<number>()
  let written = new Set<number>()
  let open = false
  for (const bound of nodes) {
    const { inputs, outputs, kernel } = bound.node
    const reads = Object.values(inputs).map(({ value }) => pointerOf(value))
    const writes = outputs.map(({ value }) => pointerOf(value))
    if (kernel === 'WriteRows') writes.push(pointerOf(inputs.target!.value))
    const joins = mayJoin(bound)
    const isFree = !reads.some((at) => written.has(at)) && !writes.some((at) => written.has(at) || read.has(at))
    if (open && joins && isFree) groups.at(-1)!.push(bound)
    else {
      groups.push([bound])
      ;[read, written] = [new Set(), new Set()]
    }
    open = joins
    for (const at of reads) read.add(at)
    for (const at of writes) written.add(at)
  }
  return groups
}
