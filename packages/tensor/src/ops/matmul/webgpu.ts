/**
 * Two programs: tiles in workgroup memory with 4 x 4 results an invocation, and, for at most four rows (decoding), dot products
 * that read each weight once.
 *
 * A matrix beyond one binding is cut: rows of c, columns of c or steps of K, whichever lie together in memory.
 */
import type { Cut, WebgpuKernel } from '../../engine/webgpu.ts'
import type { MatMulAttributes } from './index.ts'
import { columnGroups, columnProgram, dotProgram, fewRows } from './webgpu-few-rows.ts'
import { tileFor, tileProgram } from './webgpu-programs.ts'

export const matMulWebgpu: WebgpuKernel<MatMulAttributes> = (context, { M, N, K, transposeA, transposeB }) => {
  const [a, b] = [context.input('a'), context.input('b')]
  const hasBias = context.has('bias')
  const bias = hasBias ? context.input('bias') : a
  const c = context.output([M, N])
  if (M * N === 0) return [c]
  const program = choose({ M, N, K, transposeA, transposeB }, hasBias)
  for (const rows of context.cut(M, Math.max(N, transposeA ? 0 : K))) {
    for (const columns of context.cut(N, transposeB ? K : 0)) {
      for (const depth of context.cut(K, Math.max(transposeA ? M : 0, transposeB ? 0 : N))) {
        const bindings = {
          a: { tensor: a, ...(transposeA ? lines(depth, M) : lines(rows, K)) },
          b: { tensor: b, ...(transposeB ? lines(columns, K) : lines(depth, N)) },
          bias,
          c: { tensor: c, ...lines(rows, N) },
        }
        const uniforms = {
          rows: rows.count,
          columns: columns.count,
          depth: depth.count,
          strideA: transposeA ? M : K,
          strideB: transposeB ? K : N,
          strideC: N,
          // Where the range starts along the axis that the bindings do not cut.
          offsetA: transposeA ? rows.begin : depth.begin,
          offsetB: transposeB ? depth.begin : columns.begin,
          offsetC: columns.begin,
          accumulate: depth.begin > 0 ? 1 : 0,
        }
        context.run(program.wgsl, bindings, uniforms, program.groups(rows.count, columns.count))
      }
    }
  }
  return [c]
}

function choose({ M, N, K, transposeA, transposeB }: MatMulAttributes, hasBias: boolean) {
  if (M <= fewRows && transposeB) {
    const wgsl = dotProgram(transposeA, hasBias, M, !transposeA && K % 4 === 0)
    return { wgsl, groups: (_: number, columns: number) => columns }
  }
  if (M <= fewRows) {
    const wgsl = columnProgram(transposeA, hasBias, M)
    return { wgsl, groups: (_: number, columns: number) => columnGroups(columns) }
  }
  const tile = tileFor(M, N)
  const wgsl = tileProgram(transposeA, transposeB, hasBias, tile)
  return { wgsl, groups: (rows: number, columns: number) => Math.ceil(rows / tile) * Math.ceil(columns / tile) }
}

const lines = ({ begin, count }: Cut, length: number) => ({ begin: begin * length, length: count * length })
