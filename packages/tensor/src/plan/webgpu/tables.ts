/**
 * The angles of rotary positions, computed on the host as the op-by-op path computes them: for 1,024 positions at a time, so that memory
 * does not grow with the sequence.
 *
 *   buffer   table after table; a table has a row per position: cosines [E/2], then sines [E/2]; position p lies in row p % 1024
 */
import { ropeAngles, type RopeTableAttributes } from '../../ops/rope/table.ts'
import { at, type Moving, type PlanNode, type Value } from '../nodes.ts'
import { CannotRecord, type Place, type Recorder } from './recorder.ts'

export const tableRows = 1024

export interface Table {
  node: PlanNode
  /** Of its first row, in vectors of four. */
  start: number
  /** E/2 */
  pairs: number
  /** That of the first section; those of the others are as far from it in every step as in the first trace. */
  position: Moving
  /** The first of the positions whose angles are on the device. */
  from: number
}

export class AngleTables {
  /** Where they lie; undefined if no step rotates anything. */
  readonly place: Place | undefined
  private readonly tables: Table[] = []
  private readonly byAngles = new Map<Value, Table>()

  constructor(
    nodes: readonly PlanNode[],
    private readonly recorder: Recorder,
  ) {
    let vectors = 0
    for (const node of nodes) {
      if (node.kernel !== 'RopeTable') continue
      const pairs = attributesOf(node).spectrum.length
      const [position, ...others] = node.moving as [Moving, ...Moving[]]
      if (others.some(({ track }) => track !== position.track))
        throw new CannotRecord('RopeTable: the positions of its sections move differently')
      const table: Table = { node, start: vectors, pairs, position, from: NaN }
      this.tables.push(table)
      for (const { value } of node.outputs) this.byAngles.set(value, table)
      vectors += (tableRows * pairs) / 2
    }
    if (vectors === 0) return
    const buffer = recorder.createBuffer(16 * vectors)
    this.place = { buffer, offset: 0, bytes: buffer.size }
  }

  /** The table of these cosines or sines. */
  of(angles: Value): Table {
    return this.byAngles.get(angles)!
  }

  /** Have the angles of a step on the device. */
  provide(moves: readonly number[]): void {
    for (const table of this.tables) {
      const { node, position, start, pairs } = table
      const now = at(position, moves)
      const from = now - (now % tableRows)
      if (from === table.from) continue
      table.from = from
      const rows = node.moving!.map(({ first }) =>
        Int32Array.from({ length: tableRows }, (_, i) => first - position.first + from + i),
      )
      const { cos, sin } = ropeAngles({ ...attributesOf(node), rows })
      const values = new Float32Array(2 * tableRows * pairs)
      for (let i = 0; i < tableRows; i++) {
        values.set(cos.subarray(i * pairs, (i + 1) * pairs), 2 * i * pairs)
        values.set(sin.subarray(i * pairs, (i + 1) * pairs), (2 * i + 1) * pairs)
      }
      this.recorder.backend.device.queue.writeBuffer(this.place!.buffer, 16 * start, values)
    }
  }
}

const attributesOf = (node: PlanNode) => node.attributes as PlanNode['attributes'] & RopeTableAttributes
