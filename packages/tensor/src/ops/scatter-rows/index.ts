/**
 * scatterRows: sum rows into a table by index; the gradient of gatherRows.
 *
 *   rows [T,..]  ids Int32Array [T]  N  ->  [N,..]      rows of id -1 are dropped, rows of the same id add up
 */
import { ArgumentError } from '@casa-js/base'
import { checkIds } from '../../engine/check.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { runGatherRows } from '../gather-rows/kernel.ts'
import { reshape } from '../shape/index.ts'
import { runScatterRows } from './kernel.ts'

/**
 * Sum rows into a new table by index: rows [T, ..] and T ids give [N, ..]. Rows of the same id add up, those of id -1 are dropped. The
 * gradient of gatherRows.
 * @throws ArgumentError if there is not one id per row, or naming the first id outside -1 .. N - 1
 */
export function scatterRows(rows: Tensor, ids: Int32Array, N: number): Tensor {
  const [T, ...inner] = rows.shape
  if (rows.rank !== 2) return reshape(scatterRows(reshape(rows, [T, sizeOf(inner)]), ids, N), [N, ...inner])
  if (ids.length !== T) throw new ArgumentError(`scatterRows: ${ids.length} ids for ${T} rows`)
  checkIds('scatterRows', ids, N)
  const [table] = runScatterRows({ rows }, { ids, N })
  record([rows], [table], ([dy]) => runGatherRows({ table: dy! }, { ids }))
  return table
}
