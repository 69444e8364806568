/**
 * Tiles in workgroup memory, of vectors where both sides are contiguous along the depth; and, for at most four rows (decoding), dot products
 * that read each weight once. b may be in 16-bit floats, which are widened as they are read.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuTools, WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import type { MatMulAttributes, MatMulInputs } from './attributes.ts'
import { biasOf, cutProduct, dispatchOf } from './webgpu-cuts.ts'
import { columnGroups, columnProgram, dotProgram, fewRows } from './webgpu-few-rows.ts'
import { tileFor, tileProgram, type Format } from './webgpu-programs.ts'
import { groupsOf, vectorTileFor, vectorTileProgram } from './webgpu-vectors.ts'

export const matMulWebgpu: WebgpuKernel<MatMulInputs, MatMulAttributes> = (context, attributes) => {
  const { M, N } = attributes
  const c = context.output([M, N])
  product(context, { a: context.input('a'), b: context.input('b'), c, bias: context.optional('bias') }, attributes, 'f32')
  return [c]
}

/** c [M,N] = a b + bias. */
export function product(
  context: WebgpuTools,
  { a, b, c, bias: given }: Record<'a' | 'b' | 'c', tf.TensorInfo> & { bias: tf.TensorInfo | undefined },
  { M, N, K, transposeA, transposeB }: MatMulAttributes,
  format: Format,
): void {
  if (M * N === 0) return
  const bias = biasOf(context, given)
  const most = context.bindingElements
  const perWord = format === 'f32' ? 1 : 2
  const linesOfA = transposeA
    ? ({ line: 'depth', across: 'rows', stride: M } as const)
    : ({ line: 'rows', across: 'depth', stride: K } as const)
  const linesOfB = transposeB
    ? ({ line: 'columns', across: 'depth', stride: K } as const)
    : ({ line: 'depth', across: 'columns', stride: N } as const)
  const matrices = {
    a: { tensor: a, ...linesOfA, most },
    b: { tensor: b, ...linesOfB, most: most * perWord, perWord },
    c: { tensor: c, line: 'rows', across: 'columns', stride: N, most },
  } as const
  for (const part of cutProduct({ rows: M, columns: N, depth: K }, Object.values(matrices))) {
    const { bindings, uniforms } = dispatchOf(part, matrices, bias)
    const sizes = { M, N, K, transposeA, transposeB }
    const program = choose(part.rows.count, part.columns.count, sizes, bias !== undefined, format)
    context.run(program.wgsl, bindings, uniforms, program.groups)
  }
}

function choose(
  rows: number,
  columns: number,
  { K, transposeA, transposeB }: MatMulAttributes,
  hasBias: boolean,
  format: Format,
) {
  if (rows <= fewRows && transposeB) {
    return { wgsl: dotProgram(rows, transposeA, hasBias, !transposeA && K % 4 === 0, format), groups: columns }
  }
  if (rows <= fewRows) return { wgsl: columnProgram(rows, transposeA, hasBias, format), groups: columnGroups(columns) }
  if (!transposeA && transposeB && K % 4 === 0) {
    const tile = vectorTileFor(rows, columns)
    return { wgsl: vectorTileProgram(tile, hasBias, format), groups: groupsOf(tile, rows, columns) }
  }
  const tile = tileFor(rows, columns)
  return { wgsl: tileProgram(tile, transposeA, transposeB, hasBias, format), groups: groupsOf(tile, rows, columns) }
}
