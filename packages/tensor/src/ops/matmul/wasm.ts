import { partOf, type WasmKernel } from '../../engine/wasm/kernel.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'

/** Rows that threads are given: whole tiles, whatever their height. */
const unit = 24

/** Threads share the rows of c; the columns where there is one row. */
export const matMulWasm: WasmKernel<MatMulInputs, MatMulAttributes> = (call, { M, N, K, transposeA, transposeB }) => {
  const [a, b, bias] = call.pointers('a', 'b', 'bias')
  const c = call.output([M, N])
  const flags = [Number(transposeA), Number(transposeB), transposeA ? M : K]
  const work = M * N * K
  if (M === 1 && transposeB) {
    call.share('matMul', { count: N, work }, (begin, count) => [
      ...[a, partOf(b, begin * K), partOf(bias, begin), partOf(c, begin), 1, count, K, ...flags],
      call.scratch(call.exports.matMulScratch(count, K)),
    ])
  } else {
    call.share('matMul', { count: M, work, unit }, (begin, count) => [
      ...[partOf(a, begin * (transposeA ? 1 : K)), b, bias, partOf(c, begin * N), count, N, K, ...flags],
      call.scratch(call.exports.matMulScratch(N, K)),
    ])
  }
}
