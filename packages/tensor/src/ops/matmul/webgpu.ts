/**
 * Two programs: tiles in workgroup memory with 4 x 4 results an invocation, and, for at most four rows (decoding), dot products
 * that read each weight once. b may lie in 16-bit floats, which become floats as they are read.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { WebgpuContext, WebgpuKernel } from '../../engine/webgpu/kernel.ts'
import type { MatMulAttributes } from './index.ts'
import { cutProduct, rangeOf, type Lines } from './webgpu-cuts.ts'
import { columnGroups, columnProgram, dotProgram, fewRows } from './webgpu-few-rows.ts'
import { tileFor, tileProgram, type Format } from './webgpu-programs.ts'

export const matMulWebgpu: WebgpuKernel<MatMulAttributes> = (context, attributes) => {
  const { M, N } = attributes
  const c = context.output([M, N])
  product(context, context.input('a'), context.input('b'), c, attributes, 'f32')
  return [c]
}

/** c [M,N] = a b + bias, with the bias among the kernel's inputs. */
export function product(
  context: WebgpuContext,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  c: tf.TensorInfo,
  { M, N, K, transposeA, transposeB }: MatMulAttributes,
  format: Format,
): void {
  if (M * N === 0) return
  const hasBias = context.has('bias')
  const most = context.bindingElements
  const perWord = format === 'f32' ? 1 : 2
  const linesOfA: Lines = transposeA
    ? { line: 'depth', across: 'rows', stride: M, most }
    : { line: 'rows', across: 'depth', stride: K, most }
  const linesOfB: Lines = {
    ...(transposeB
      ? ({ line: 'columns', across: 'depth', stride: K } as const)
      : ({ line: 'depth', across: 'columns', stride: N } as const)),
    most: most * perWord,
  }
  const linesOfC: Lines = { line: 'rows', across: 'columns', stride: N, most }
  const biasLine: Lines = { line: 'columns', across: undefined, stride: 1, most }
  for (const part of cutProduct({ rows: M, columns: N, depth: K }, [linesOfA, linesOfB, linesOfC])) {
    const { rows, columns, depth } = part
    const [partOfA, partOfB, partOfC] = [
      rangeOf(a, linesOfA, part),
      rangeOf(b, linesOfB, part, perWord),
      rangeOf(c, linesOfC, part),
    ]
    const partOfBias = hasBias ? rangeOf(context.input('bias'), biasLine, part) : partOfA
    const program = choose(rows.count, columns.count, { M, N, K, transposeA, transposeB }, hasBias, format)
    const uniforms = {
      rows: rows.count,
      columns: columns.count,
      depth: depth.count,
      strideA: linesOfA.stride,
      strideB: linesOfB.stride,
      strideC: N,
      offsetA: partOfA.offset,
      offsetB: partOfB.offset,
      offsetC: partOfC.offset,
      offsetBias: partOfBias.offset,
      accumulate: depth.begin > 0 ? 1 : 0,
    }
    const bindings = { a: partOfA.range, b: partOfB.range, bias: partOfBias.range, c: partOfC.range }
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
  const tile = tileFor(rows, columns)
  return {
    wgsl: tileProgram(tile, transposeA, transposeB, hasBias, format),
    groups: Math.ceil(rows / tile) * Math.ceil(columns / tile),
  }
}
