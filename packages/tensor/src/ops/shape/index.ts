/** reshape, transpose, concat, slice, clone: tfjs's kernels, and one of ours that copies (../copy-runs), with our gradients. */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { record, share } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { copyBlock, copyJoined } from '../copy-runs/index.ts'

/**
 * The same memory under another shape of the same size; one extent may be -1 and is then inferred. Disposed independently.
 * For any shape.
 */
export function reshape(t: Tensor, shape: number[]): Tensor {
  const out = tf.reshape(t, shape)
  record([t], [out], ([dy]) => [tf.reshape(dy!, t.shape)])
  return out
}

/**
 * A copy with the axes in another order: the result's axis i is t's axis axes[i]. For any shape.
 * @param axes default: reversed
 */
export function transpose(t: Tensor, axes = t.shape.map((_, i) => t.rank - 1 - i)): Tensor {
  const out = tf.transpose(t, axes)
  record([t], [out], ([dy]) => [
    tf.transpose(
      dy!,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  ])
  return out
}

/**
 * Join tensors along an axis: of shapes [.., A, ..] and [.., B, ..] it makes [.., A + B, ..]; all other extents must agree. Empty tensors
 * may be among them.
 * @throws ArgumentError if the list is empty
 */
export function concat(list: Tensor[], axis: number): Tensor {
  const given = list.filter((t) => sizeOf(t.shape) > 0)
  if (list.length === 0) throw new ArgumentError('concat: nothing to join')
  const out = given.length === 0 ? share(list[0]!) : given.length === 1 ? share(given[0]!) : join(given, axis)
  record(given, [out], ([dy], needs) => {
    let at = 0
    return given.map((t, i) => {
      const begin = t.shape.map(() => 0)
      begin[axis] = at
      at += t.shape[axis]!
      return needs[i] ? block(dy!, begin, t.shape) : undefined
    })
  })
  return out
}

/**
 * The block of t, of any shape, that starts at `begin` and has shape `size`; a copy.
 * @throws ArgumentError if the block does not lie within t
 */
export function slice(t: Tensor, begin: number[], size: number[]): Tensor {
  if (
    begin.length !== t.rank ||
    size.length !== t.rank ||
    begin.some((b, i) => b < 0 || size[i]! < 0 || b + size[i]! > t.shape[i]!)
  ) {
    throw new ArgumentError(`slice: begin [${begin}] size [${size}] does not lie within [${t.shape}]`)
  }
  const out = block(t, begin, size)
  record([t], [out], ([dy]) => [
    tf.pad(
      dy!,
      begin.map((b, i) => [b, t.shape[i]! - b - size[i]!]),
    ),
  ])
  return out
}

const block = (t: Tensor, begin: number[], size: number[]): Tensor => copyBlock(t, begin, size) ?? tf.slice(t, begin, size)

const join = (list: Tensor[], axis: number): Tensor => (axis === 0 ? copyJoined(list) : undefined) ?? tf.concat(list, axis)

/** A copy of a tensor of any shape, in its own memory. */
export function clone(t: Tensor): Tensor {
  const out = tf.tidy(() => tf.mul(t, tf.scalar(1, t.dtype as 'float32' | 'int32')))
  record([t], [out], ([dy]) => [share(dy!)])
  return out
}
