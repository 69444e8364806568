/** Waiting for a device. */
import { dispose, slice, type Tensor } from '@casa-js/tensor'

/** Resolves when a tensor is there: of a large one only one value is read back. */
export async function settled(t: Tensor): Promise<void> {
  const first = slice(
    t,
    t.shape.map(() => 0),
    t.shape.map(() => 1),
  )
  await first.data()
  dispose(first)
}
