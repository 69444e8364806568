import { partOf, rowUnit, splitProduct, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'

/** Up to this many rows, every row of b is read once for all of them. */
const fewRows = 6

/** Work is split over threads by rows of c; in x Wᵀ also by columns. */
export const matMulWasm: WasmKernel<MatMulInputs, MatMulAttributes> = (call, { M, N, K, transposeA, transposeB }) => {
  const [a, b, bias] = call.pointers('a', 'b', 'bias')
  const c = call.output([M, N])
  const flags = [Number(transposeA), Number(transposeB), transposeA ? M : K]
  const work = M * N * K
  if (transposeB && !transposeA) {
    const { count, unit, part } = splitProduct(M, N, fewRows)
    call.share('matMul', { count, work, unit }, (...range) => {
      const { row, rows, column, columns } = part(...range)
      return [
        ...[
          partOf(a, row * K),
          partOf(b, column * K),
          partOf(bias, column),
          partOf(c, row * N + column),
          rows,
          columns,
          K,
          ...flags,
        ],
        ...[call.scratch(call.exports.matMulScratch(columns, K)), N],
      ]
    })
  } else {
    call.share('matMul', { count: M, work, unit: rowUnit }, (begin, count) => [
      ...[partOf(a, begin * (transposeA ? 1 : K)), b, bias, partOf(c, begin * N), count, N, K, ...flags],
      ...[call.scratch(call.exports.matMulScratch(N, K)), N],
    ])
  }
}
