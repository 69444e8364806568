/**
 * Products of matrices larger than one binding: which part of each axis goes into one dispatch.
 *
 * A part of a matrix is bound from the first element used to the last, so a matrix of any shape can be cut: by whole lines, and
 * along the line if a single line exceeds a binding.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { pieces, rangeAlignment, rangeFrom, type Cut } from '../../engine/webgpu/cuts.ts'
import type { WebgpuTools } from '../../engine/webgpu/kernel.ts'

export type Axis = 'rows' | 'columns' | 'depth'
/** The part of the product that one dispatch computes. Steps of depth that do not begin at 0 add to the existing result. */
export type Part = Record<Axis, Cut>

/** How a matrix lies in memory: `stride` values from line to line. */
export interface Lines {
  line: Axis
  /** The axis along a line; undefined if lines must stay whole. */
  across: Axis | undefined
  stride: number
  /** Values that one binding may hold. */
  most: number
}

export function cutProduct(extents: Record<Axis, number>, matrices: Lines[]): Part[] {
  const steps = { ...extents }
  const shorten = (axis: Axis, most: number) => {
    // Whole tiles, starting where vectors of four may start.
    const whole = most >= rangeAlignment ? most - (most % rangeAlignment) : Math.max(1, most)
    if (whole < steps[axis]) steps[axis] = whole
  }
  for (const { line, across, stride, most } of matrices) {
    if (extents[line] * stride <= most) continue
    // Elements between the start of an aligned range and the first one used are bound too.
    const room = most - 2 * rangeAlignment
    shorten(line, Math.floor(room / stride))
    if (across && stride > room) shorten(across, room)
  }
  // An empty sum is written too, as zeros.
  const along = (axis: Axis) => (extents[axis] === 0 ? [{ begin: 0, count: 0 }] : pieces(extents[axis], steps[axis]))
  return along('rows').flatMap((rows) =>
    along('columns').flatMap((columns) => along('depth').map((depth) => ({ rows, columns, depth }))),
  )
}

/** The range of a matrix that a part uses, as rangeFrom returns it. */
export function rangeOf(tensor: tf.TensorInfo, { line, across, stride }: Lines, part: Part, perWord = 1) {
  const along = across ? part[across] : { begin: 0, count: stride }
  const lines = part[line].count
  const values = lines * along.count === 0 ? 0 : (lines - 1) * stride + along.count
  return rangeFrom(tensor, part[line].begin * stride + along.begin, values, perWord)
}

export interface Matrix extends Lines {
  tensor: tf.TensorInfo
  /** Values in a word. Default 1. */
  perWord?: number
}

/** The bias [N] of a product, if the kernel has one. */
export function biasOf(context: WebgpuTools, bias: tf.TensorInfo | undefined): Matrix | undefined {
  if (!bias) return undefined
  return { tensor: bias, line: 'columns', across: undefined, stride: 1, most: context.bindingElements }
}

/** The arguments of a product's programs (webgpu-programs.ts) for one part. Without a bias its binding is ignored. */
export function dispatchOf(part: Part, matrices: Record<'a' | 'b' | 'c', Matrix>, bias: Matrix | undefined) {
  const at = (matrix: Matrix) => rangeOf(matrix.tensor, matrix, part, matrix.perWord)
  const [a, b, c] = [at(matrices.a), at(matrices.b), at(matrices.c)]
  const biasAt = bias ? at(bias) : a
  return {
    bindings: { a: a.range, b: b.range, c: c.range, bias: biasAt.range },
    uniforms: {
      rows: part.rows.count,
      columns: part.columns.count,
      depth: part.depth.count,
      strideA: matrices.a.stride,
      strideB: matrices.b.stride,
      strideC: matrices.c.stride,
      offsetA: a.offset,
      offsetB: b.offset,
      offsetC: c.offset,
      offsetBias: biasAt.offset,
      accumulate: part.depth.begin > 0 ? 1 : 0,
    },
  }
}
