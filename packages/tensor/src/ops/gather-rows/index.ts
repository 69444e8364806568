/**
 * gatherRows: rows of a table by index.
 *
 *   table [N,..], or a compressed weight [N,D]  ids Int32Array [T]  ->  [T,..]      id -1 gives a row of zeros
 *
 * im2col, the reordering of ViT windows, the 2x2 merge and embedding (../embedding) all use it.
 */
import { checkIds } from '../../engine/check.ts'
import { compressedForm } from '../../engine/compressed.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { decompressRows } from '../compressed/index.ts'
import { runScatterRows } from '../scatter-rows/kernel.ts'
import { reshape } from '../shape/index.ts'
import { runGatherRows } from './kernel.ts'

/**
 * Rows of a table by index: table [N, ..], or a compressed weight [N, D], and T ids give [T, ..]. Id -1 gives a row of zeros. The
 * gradient of the table sums over equal ids.
 * @throws ArgumentError naming the first id outside -1 .. N - 1
 */
export function gatherRows(table: Tensor, ids: Int32Array): Tensor {
  if (compressedForm(table)) return decompressRows(table, ids)
  const [N, ...inner] = table.shape
  if (table.rank !== 2) return reshape(gatherRows(reshape(table, [N, sizeOf(inner)]), ids), [ids.length, ...inner])
  checkIds('gatherRows', ids, N)
  const [rows] = runGatherRows({ table }, { ids })
  record([table], [rows], ([dy]) => runScatterRows({ rows: dy! }, { ids, N }))
  return rows
}
