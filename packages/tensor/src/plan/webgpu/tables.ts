/**
 * The angles of rotary positions, computed on the host as the op-by-op path computes them: for 1,024 positions at a time, so that memory
 * does not grow with the sequence. Tokens of a step have consecutive positions; tables where they have not are not these.
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
  /** That of the first section of the first token; those of the others are as far from it in every step as in the first trace. */
  position: Moving
  tokens: number
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
      if (node.kernel !== 'RopeTable' || !isConsecutive(node)) continue
      const { spectrum, rows } = attributesOf(node)
      const pairs = spectrum.length
      const [position, ...others] = node.moving as [Moving, ...Moving[]]
      if (others.some(({ track }) => track !== position.track))
        throw new CannotRecord('RopeTable: the positions of its sections move differently')
      const table: Table = { node, start: vectors, pairs, position, tokens: rows[0]!.length, from: NaN }
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
      const { node, position, tokens, start, pairs } = table
      const now = at(position, moves)
      if (now >= table.from && now + tokens <= table.from + tableRows) continue
      const aligned = now - (now % tableRows)
      const from = (table.from = now + tokens <= aligned + tableRows ? aligned : now)
      const attributes = attributesOf(node)
      const rows = attributes.rows.map((_, section) => {
        const ahead = node.moving![section * tokens]!.first - position.first
        return Int32Array.from({ length: tableRows }, (_, i) => ahead + from + i)
      })
      const { cos, sin } = ropeAngles({ ...attributes, rows })
      const values = new Float32Array(2 * tableRows * pairs)
      for (let i = 0; i < tableRows; i++) {
        const row = (from + i) % tableRows
        values.set(cos.subarray(i * pairs, (i + 1) * pairs), 2 * row * pairs)
        values.set(sin.subarray(i * pairs, (i + 1) * pairs), (2 * row + 1) * pairs)
      }
      this.recorder.backend.device.queue.writeBuffer(this.place!.buffer, 16 * start, values)
    }
  }
}

/** Whether the tokens of every section have positions one after the other, as many as a table holds. */
export function isConsecutive(node: PlanNode): boolean {
  const { rows } = attributesOf(node)
  return rows.every((row) => row.length <= tableRows && row.every((position, t) => position === row[0]! + t))
}

const attributesOf = (node: PlanNode) => node.attributes as PlanNode['attributes'] & RopeTableAttributes
