/**
 * The angles of rotary positions for the steps to come, computed on the host as the op-by-op path computes them: for 1,024 steps at a time, so
 * that memory does not grow with the sequence.
 *
 *   buffer   table after table; a table has a row per step: cosines [E/2], then sines [E/2]
 */
import { ropeAngles, type RopeTableAttributes } from '../../ops/rope/table.ts'
import { at, type PlanNode, type Value } from '../nodes.ts'
import type { Place, Recorder } from './recorder.ts'

const stepsAtATime = 1024

interface Table {
  node: PlanNode
  /** Of its first row, in vectors of four. */
  start: number
  /** E/2 */
  pairs: number
}

export class AngleTables {
  /** Where they lie; undefined if no step rotates anything. */
  readonly place: Place | undefined
  private readonly tables: Table[] = []
  private readonly starts = new Map<Value, number>()
  /** The first of the steps whose angles are on the device. */
  private from = -1

  constructor(
    nodes: readonly PlanNode[],
    private readonly recorder: Recorder,
  ) {
    let vectors = 0
    for (const node of nodes) {
      if (node.kernel !== 'RopeTable') continue
      const pairs = attributesOf(node).spectrum.length
      this.tables.push({ node, start: vectors, pairs })
      for (const { value } of node.outputs) this.starts.set(value, vectors)
      vectors += (stepsAtATime * pairs) / 2
    }
    if (vectors === 0) return
    const buffer = recorder.createBuffer(16 * vectors)
    this.place = { buffer, offset: 0, bytes: buffer.size }
  }

  /** In vectors of four, where the table of these cosines or sines begins. */
  startOf(angles: Value): number {
    return this.starts.get(angles)!
  }

  /** The row of a step in every table. */
  rowOf(step: number): number {
    return step % stepsAtATime
  }

  /** Have the angles of a step on the device. */
  provide(step: number): void {
    const from = step - this.rowOf(step)
    if (from === this.from || !this.place) return
    this.from = from
    for (const { node, start, pairs } of this.tables) {
      const rows = node.growing!.map((position) => Int32Array.from({ length: stepsAtATime }, (_, i) => at(position, from + i)))
      const { cos, sin } = ropeAngles({ ...attributesOf(node), rows })
      const values = new Float32Array(2 * stepsAtATime * pairs)
      for (let i = 0; i < stepsAtATime; i++) {
        values.set(cos.subarray(i * pairs, (i + 1) * pairs), 2 * i * pairs)
        values.set(sin.subarray(i * pairs, (i + 1) * pairs), (2 * i + 1) * pairs)
      }
      this.recorder.backend.device.queue.writeBuffer(this.place.buffer, 16 * start, values)
    }
  }
}

const attributesOf = (node: PlanNode) => node.attributes as PlanNode['attributes'] & RopeTableAttributes
