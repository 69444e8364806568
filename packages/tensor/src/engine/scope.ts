/** Memory scopes: what is allocated inside is freed at the end, but for what is returned or kept. */
import { StateError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { companionsOf } from './compressed.ts'
import { isRecording } from './tape.ts'
import type { Tensor } from './tensor.ts'

/**
 * Free every tensor that `f` allocates except those in its result (a tensor, or an array or object of tensors). Sync only.
 * While a gradient is being taken the tape owns what is computed and frees it in the backward pass, so nothing is freed here.
 */
export function scope<T extends tf.TensorContainer>(f: () => T): T {
  return isRecording() ? f() : tf.tidy(f)
}

/**
 * Protect a tensor of any shape from the scopes around it, with what belongs to it (the scales of a compressed weight). The caller disposes
 * it. Returns the same tensor.
 */
export function keep<T extends Tensor>(tensor: T): T {
  for (const companion of companionsOf(tensor)) tf.keep(companion)
  return tf.keep(tensor)
}

/**
 * Free tensors of any shape now, compressed weights with their scales; undefined and null are skipped. While a gradient is being taken only
 * kept tensors are freed: the tape frees the others.
 */
export function dispose(...tensors: (Tensor | undefined | null)[]): void {
  for (const t of tensors) {
    if (!t) continue
    dispose(...companionsOf(t))
    if (!t.isDisposed && (t.kept || !isRecording())) t.dispose()
  }
}

export interface MemoryUse {
  tensors: number
  /** Bytes that live tensors occupy on the backend. */
  bytes: number
}

/** How many tensors live, and how many bytes they occupy on the device. A constant count over steps is the test for leaks. */
export function memory(): MemoryUse {
  const { numTensors, numBytes } = tf.memory()
  return { tensors: numTensors, bytes: numBytes }
}

/**
 * Run `f` and fail if it left tensors behind. The law that every step and every generated token must obey.
 * @throws StateError naming how many tensors and bytes stayed.
 */
export async function withoutLeaks<T>(what: string, f: () => T | Promise<T>): Promise<T> {
  const before = memory()
  const result = await f()
  const after = memory()
  if (after.tensors !== before.tensors) {
    throw new StateError(
      `${what} left ${after.tensors - before.tensors} tensors (${after.bytes - before.bytes} bytes) behind: dispose what it creates or wrap it in scope()`,
    )
  }
  return result
}
