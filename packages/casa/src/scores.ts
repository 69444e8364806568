/** One row of attention scores, before the softmax: what a text token attends to. The kernels never store such a row as a whole. */
import { concat, matMul, reshape, scale, slice, type Tensor } from '@casa-js/tensor'

/** Scaled products of the last query with keys [begin, end) of its window. q [T,H,E], k [rows,K,E] -> [H, end - begin] */
export function scoresOf(q: Tensor, k: Tensor, begin: number, end: number): Tensor {
  const [T, H, E] = q.shape as [number, number, number]
  const K = k.shape[1]!
  const rows = slice(q, [T - 1, 0, 0], [1, H, E])
  const groups = Array.from({ length: K }, (_, group) => {
    const queries = reshape(slice(rows, [0, (group * H) / K, 0], [1, H / K, E]), [H / K, E])
    const keys = reshape(slice(k, [begin, group, 0], [end - begin, 1, E]), [end - begin, E])
    return matMul(queries, keys, { transposeB: true })
  })
  return scale(concat(groups, 0), 1 / Math.sqrt(E))
}
