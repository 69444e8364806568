import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { MatMulAttributes } from './index.ts'

export const matMulWasm: WasmKernel<MatMulAttributes> = (call, { M, N, K, transposeA, transposeB }) => {
  const [a, b, bias] = ['a', 'b', 'bias'].map((name) => call.input(name).pointer)
  const c = call.output([M, N])
  const scratch = call.scratch(call.exports.matMulScratch(N, K))
  call.exports.matMul(a, b, bias, c, M, N, K, Number(transposeA), Number(transposeB), scratch)
}
