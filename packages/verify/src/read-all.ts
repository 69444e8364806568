/** Reading what a pass computed. */
import type { Tensor } from '@casa-js/tensor'

/** Values of several tensors, read together after a pass, so that none is left over when the caller stops half-way. Disposes them. */
export async function readAll(tensors: Record<string, Tensor>): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>()
  for (const [name, t] of Object.entries(tensors)) {
    values.set(name, (await t.data()) as Float32Array)
    t.dispose()
  }
  return values
}
