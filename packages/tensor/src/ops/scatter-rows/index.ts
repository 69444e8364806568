/**
 * scatterRows: sum rows into a table by index; the gradient of gatherRows.
 *
 *   rows [T,..]  ids Int32Array [T]  N  ->  [N,..]      rows of id -1 are dropped, rows of the same id add up
 */
import { ArgumentError } from '@casa-js/base'
import { defineKernel, run } from '../../engine/kernel.ts'
import { record } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { gatherRows } from '../gather-rows/index.ts'
import { reshape } from '../shape/index.ts'
import { scatterRowsCpu } from './cpu.ts'
import { scatterRowsWasm } from './wasm.ts'
import { scatterRowsWebgpu } from './webgpu.ts'

export interface ScatterRowsAttributes extends Record<string, unknown> {
  ids: Int32Array
  N: number
}

defineKernel<ScatterRowsAttributes>('ScatterRows', { cpu: scatterRowsCpu, wasm: scatterRowsWasm, webgpu: scatterRowsWebgpu })

/** @throws ArgumentError naming the first id outside -1 .. N - 1. */
export function scatterRows(rows: Tensor, ids: Int32Array, N: number): Tensor {
  const [T, ...inner] = rows.shape
  if (rows.rank !== 2) return reshape(scatterRows(reshape(rows, [T, sizeOf(inner)]), ids, N), [N, ...inner])
  if (ids.length !== T) throw new ArgumentError(`scatterRows: ${ids.length} ids for ${T} rows`)
  checkIds('scatterRows', ids, N)
  const [table] = run('ScatterRows', { rows }, { ids, N })
  record([rows], [table], ([dy]) => [gatherRows(dy!, ids)])
  return table
}

/**
 * Kernels do not check: a wild id would read or write somebody else's memory.
 * @param least -1 where that stands for no row
 */
export function checkIds(what: string, ids: Int32Array, N: number, least = -1): void {
  const wrong = ids.findIndex((id) => id < least || id >= N)
  if (wrong >= 0) throw new ArgumentError(`${what}: id ${ids[wrong]} at position ${wrong} is not in ${least} .. ${N - 1}`)
}
