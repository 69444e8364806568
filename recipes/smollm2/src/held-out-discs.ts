/** Discs to be counted, for `casa eval --data`. A picture of discs has no material that could be held out: only the seed is another. */
import type { Dataset } from '@casa-js/core'
import { createReadingDataset } from '@casa-js/data'
import { loadMaterial } from '@casa-js/reader'

export default function createHeldOutDiscs({ count = 200 }: { count?: number } = {}): Dataset {
  return createReadingDataset(loadMaterial('heldOut'), {
    name: 'held-out-count',
    seed: 7,
    length: count,
    difficulty: 0.25,
    tasks: { count: 1 },
  })
}
