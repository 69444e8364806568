import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'

/** Threads are given rows in multiples of this: whole tiles of either height. */
const unit = 24

/** Up to this many rows, every row of b is read once for all of them. */
const fewRows = 6

/** Work is split over threads by rows of c; by columns if there are few. */
export const matMulWasm: WasmKernel<MatMulInputs, MatMulAttributes> = (call, { M, N, K, transposeA, transposeB }) => {
  const [a, b, bias] = call.pointers('a', 'b', 'bias')
  const c = call.output([M, N])
  const flags = [Number(transposeA), Number(transposeB), transposeA ? M : K]
  const work = M * N * K
  if (M <= fewRows && N > M && !transposeA && transposeB) {
    call.share('matMul', { count: N, work }, (begin, count) => [
      ...[a, partOf(b, begin * K), partOf(bias, begin), partOf(c, begin), M, count, K, ...flags],
      ...[call.scratch(call.exports.matMulScratch(count, K)), N],
    ])
  } else {
    call.share('matMul', { count: M, work, unit }, (begin, count) => [
      ...[partOf(a, begin * (transposeA ? 1 : K)), b, bias, partOf(c, begin * N), count, N, K, ...flags],
      ...[call.scratch(call.exports.matMulScratch(N, K)), N],
    ])
  }
}
