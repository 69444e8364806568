/**
 * add, subtract, multiply, scale, tanh, sum, mean.
 *
 *   a [..]  with b of the same shape, a scalar, or a row [N] where a is [..,N]
 *
 * tfjs's own kernels do the work; the gradients are ours. The gradient of a broadcast b is summed over the axes along which b was repeated.
 */
import { ArgumentError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { expectUncompressed } from '../../engine/compressed.ts'
import { record, share } from '../../engine/tape.ts'
import { sizeOf, type Tensor } from '../../engine/tensor.ts'
import { noteCall } from '../../engine/trace.ts'
import { columnSum } from '../column-sum/index.ts'
import { fill } from '../create/index.ts'
import { tracedAdd } from './traced.ts'

type Broadcast = 'same' | 'scalar' | 'row'

function broadcastOf(what: string, a: Tensor, b: Tensor): Broadcast {
  expectUncompressed(what, 'a', a)
  expectUncompressed(what, 'b', b)
  if (a.shape.length === b.shape.length && a.shape.every((extent, i) => extent === b.shape[i])) return 'same'
  if (b.size === 1) return 'scalar'
  if (b.rank === 1 && b.size === a.shape[a.rank - 1]) return 'row'
  throw new ArgumentError(
    `${what}: [${a.shape}] with [${b.shape}]: the second must have the same shape, be a scalar, or be a row of the first`,
  )
}

/** The gradient of b from a gradient of a's shape, which is freed. */
function reduceTo(b: Tensor, how: Broadcast, gradient: Tensor): Tensor {
  if (how === 'same') return gradient
  const reduced = how === 'scalar' ? tf.reshape(tf.sum(gradient), b.shape) : columnSum(gradient)
  gradient.dispose()
  return reduced
}

/**
 * a + b: a of any shape, b of the same shape, a scalar, or a row [N] where a is [.., N] (b is broadcast over a). Returns a's shape.
 * @throws ArgumentError if b cannot be broadcast over a
 */
export function add(a: Tensor, b: Tensor): Tensor {
  const how = broadcastOf('add', a, b)
  const out = tf.add(a, b)
  if (how === 'same') noteCall('Add', tracedAdd, { a, b }, { size: a.size }, [out])
  record([a, b], [out], ([dy], [needsA, needsB]) => [
    needsA ? share(dy!) : undefined,
    needsB ? reduceTo(b, how, share(dy!)) : undefined,
  ])
  return out
}

/**
 * a - b: a of any shape, b of the same shape, a scalar, or a row [N] where a is [.., N] (b is broadcast over a). Returns a's shape.
 * @throws ArgumentError if b cannot be broadcast over a
 */
export function subtract(a: Tensor, b: Tensor): Tensor {
  const how = broadcastOf('subtract', a, b)
  const out = tf.sub(a, b)
  record([a, b], [out], ([dy], [needsA, needsB]) => [
    needsA ? share(dy!) : undefined,
    needsB ? reduceTo(b, how, tf.neg(dy!)) : undefined,
  ])
  return out
}

/**
 * a * b, element by element: a of any shape, b of the same shape, a scalar, or a row [N] where a is [.., N] (b is broadcast over a).
 * Returns a's shape.
 * @throws ArgumentError if b cannot be broadcast over a
 */
export function multiply(a: Tensor, b: Tensor): Tensor {
  const how = broadcastOf('multiply', a, b)
  const out = tf.mul(a, b)
  record([a, b], [out], ([dy], [needsA, needsB]) => [
    needsA ? tf.mul(dy!, b) : undefined,
    needsB ? reduceTo(b, how, tf.mul(dy!, a)) : undefined,
  ])
  return out
}

/** tanh(t), element by element, of any shape: a gate between -1 and 1. */
export function tanh(t: Tensor): Tensor {
  expectUncompressed('tanh', 't', t)
  const out = tf.tanh(t)
  // 1 - tanh²
  record([t], [out], ([dy]) => [tf.tidy(() => tf.mul(dy!, tf.sub(1, tf.square(out))))])
  return out
}

/** Multiply a tensor of any shape by a host number: t * factor, in the same shape. */
export function scale(t: Tensor, factor: number): Tensor {
  const times = (x: Tensor) => tf.tidy(() => tf.mul(x, tf.scalar(factor)))
  const out = times(t)
  record([t], [out], ([dy]) => [times(dy!)])
  return out
}

/** The sum of all values, a scalar; 0 for an empty tensor. */
export function sum(t: Tensor): Tensor {
  const out = sizeOf(t.shape) === 0 ? tf.zeros([]) : tf.sum(t)
  record([t], [out], ([dy]) => [spread(dy!, t.shape, 1)])
  return out
}

/** The mean of all values, a scalar; 0 for an empty tensor. */
export function mean(t: Tensor): Tensor {
  const out = sizeOf(t.shape) === 0 ? tf.zeros([]) : tf.mean(t)
  record([t], [out], ([dy]) => [spread(dy!, t.shape, 1 / sizeOf(t.shape))])
  return out
}

function spread(scalar: Tensor, shape: number[], factor: number): Tensor {
  return tf.tidy(() => tf.mul(fill(shape, factor), scalar))
}
