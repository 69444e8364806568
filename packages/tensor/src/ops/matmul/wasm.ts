import type { WasmKernel } from '../../engine/wasm/kernel.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'

export const matMulWasm: WasmKernel<MatMulInputs, MatMulAttributes> = (call, { M, N, K, transposeA, transposeB }) => {
  const [a, b, bias] = call.pointers('a', 'b', 'bias')
  const c = call.output([M, N])
  const scratch = call.scratch(call.exports.matMulScratch(N, K))
  call.exports.matMul(a, b, bias, c, M, N, K, Number(transposeA), Number(transposeB), scratch)
}
