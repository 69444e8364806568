/** Memory scopes: tensors allocated inside are freed at the end, except those that are returned or kept. */
import { StateError } from '@casa-js/base'
import * as tf from '@tensorflow/tfjs-core'
import { companionsOf } from './compressed.ts'
import { heldBytes } from './held.ts'
import { belongsToTape, isRecording } from './tape.ts'
import type { Tensor } from './tensor.ts'

/**
 * Free every tensor that `f` allocates except those in its result (a tensor, or an array or object of tensors). Sync only.
 * While a gradient is being computed, the tape owns intermediate tensors and frees them in the backward pass, so nothing is freed here.
 */
export function scope<T extends tf.TensorContainer>(f: () => T): T {
  return isRecording() ? f() : tf.tidy(f)
}

/**
 * Protect a tensor of any shape from the scopes around it, with the tensors that belong to it (the scales of a compressed weight). The caller
 * disposes it. Returns the same tensor.
 */
export function keep<T extends Tensor>(tensor: T): T {
  for (const companion of companionsOf(tensor)) tf.keep(companion)
  return tf.keep(tensor)
}

/**
 * Free tensors of any shape now, compressed weights with their scales; undefined and null are skipped. While a gradient is being
 * computed only kept tensors are freed: the tape frees the others.
 */
export function dispose(...tensors: (Tensor | undefined | null)[]): void {
  for (const t of tensors) {
    if (!t) continue
    dispose(...companionsOf(t))
    if (!t.isDisposed && (t.kept || !belongsToTape(t))) t.dispose()
  }
}

export interface MemoryUse {
  tensors: number
  /** Bytes that live tensors occupy on the backend, and plans of decoding besides them. */
  bytes: number
}

/** The number of live tensors and the bytes that they occupy on the device. A count that stays constant over steps shows that nothing leaks. */
export function memory(): MemoryUse {
  const { numTensors, numBytes } = tf.memory()
  return { tensors: numTensors, bytes: numBytes + heldBytes() }
}

/**
 * Run `f` and throw if it leaks tensors. No training step and no generated token may leak.
 * @throws StateError with the number of leaked tensors and bytes.
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
