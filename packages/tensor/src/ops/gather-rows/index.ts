/**
 * gatherRows: rows of a table by index.
 *
 *   table [N,..], or a packed weight [N,D]  ids Int32Array [T]  ->  [T,..]      id -1 gives a row of zeros
 *
 * im2col, the reorder of ViT windows and the 2x2 merge are all this; embedding (../embedding) stands on it.
 */
import { defineKernel, run } from '../../engine/kernel.ts'
import { packedForm } from '../../engine/packed.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { unpackRows } from '../packed/index.ts'
import { checkIds, scatterRows } from '../scatter-rows/index.ts'
import { reshape } from '../shape/index.ts'
import { gatherRowsCpu } from './cpu.ts'
import { gatherRowsWasm } from './wasm.ts'
import { gatherRowsWebgpu } from './webgpu.ts'

export interface GatherRowsAttributes extends Record<string, unknown> {
  ids: Int32Array
}

defineKernel<GatherRowsAttributes>('GatherRows', { cpu: gatherRowsCpu, wasm: gatherRowsWasm, webgpu: gatherRowsWebgpu })

/** @throws ArgumentError naming the first id outside -1 .. N - 1. */
export function gatherRows(table: Tensor, ids: Int32Array): Tensor {
  if (packedForm(table)) return unpackRows(table, ids)
  const [N, ...inner] = table.shape
  if (table.rank !== 2) return reshape(gatherRows(reshape(table, [N, sizeOf(inner)]), ids), [ids.length, ...inner])
  checkIds('gatherRows', ids, N)
  const [rows] = run('GatherRows', { table }, { ids })
  record([table], [rows], ([dy]) => [scatterRows(dy!, ids, N)])
  return rows
}
