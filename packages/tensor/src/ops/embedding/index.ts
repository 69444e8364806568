/**
 * embedding: the vector of every token (torch.nn.functional.embedding).
 *
 *   table [V,D], or a compressed weight  ids Int32Array [T], each 0 .. V - 1  ->  [T,D]
 *
 * The rows are gathered and their gradients scattered by gatherRows' and scatterRows' kernels; only the table's gradient
 * differs: the row of `paddingIndex` is read like any other, but gets no gradient (torch.nn.Embedding's padding_idx).
 */
import { ArgumentError } from '@casa-js/base'
import { checkIds } from '../../engine/check.ts'
import { shapeOf } from '../../engine/compressed.ts'
import { noGrad, record } from '../../engine/tape.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { gatherRows } from '../gather-rows/index.ts'
import { runScatterRows } from '../scatter-rows/kernel.ts'

export interface EmbeddingOptions {
  /** The token whose vector is not trained. Default: none. */
  paddingIndex?: number | undefined
}

/**
 * The vector of every token (torch.nn.functional.embedding): table [V, D], float32 or compressed, and T ids give float32 [T, D].
 * @param ids each in 0 .. V - 1
 * @throws ArgumentError if the table is not [V, D], an id lies outside 0 .. V - 1 (the first is named), or `paddingIndex` does
 */
export function embedding(table: Tensor, ids: Int32Array, { paddingIndex }: EmbeddingOptions = {}): Tensor {
  const shape = shapeOf(table)
  if (shape.length !== 2) throw new ArgumentError(`embedding: a table of shape [${shape}], expected [V,D]`)
  const [V] = shape as [number]
  checkIds('embedding', ids, V, 0)
  if (paddingIndex !== undefined && !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < V))
    throw new ArgumentError(`embedding: paddingIndex ${paddingIndex} is not in 0 .. ${V - 1}`)
  const rows = noGrad(() => gatherRows(table, ids))
  record([table], [rows], ([dy]) => {
    const learning = paddingIndex === undefined ? ids : ids.map((id) => (id === paddingIndex ? -1 : id))
    return runScatterRows({ rows: dy! }, { ids: learning, N: V })
  })
  return rows
}
