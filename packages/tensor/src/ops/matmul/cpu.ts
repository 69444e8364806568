import type { CpuKernel } from '../../engine/cpu.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'

/** c[m,n] = sum_k a(m,k) b(k,n) + bias[n], where a(m,k) reads a[k,m] if transposeA, b(k,n) reads b[n,k] if transposeB. */
export const matMulCpu: CpuKernel<MatMulInputs, MatMulAttributes> = ({ a, b, bias }, { M, N, K, transposeA, transposeB }) => {
  const c = new Float32Array(M * N)
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = bias ? bias.data[n]! : 0
      for (let k = 0; k < K; k++) {
        sum! += a.data[transposeA ? k * M + m : m * K + k]! * b.data[transposeB ? n * K + k : k * N + n]!
      }
      c[m * N + n]! = sum
    }
  }
  return [{ data: c, shape: [M, N] }]
}
