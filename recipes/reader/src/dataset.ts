/** The module that data workers load: its default export makes the dataset. */
import type { Dataset } from '@casa-js/core'
import { createReadingDataset, type ReadingOptions } from '@casa-js/data'
import { loadMaterial } from './material.ts'
import type { Split } from './split.ts'

export interface ReaderOptions extends Partial<ReadingOptions> {
  /** Side of the split; "train" by default. */
  split?: Split
}

/** Reading and naming tasks on this package's material. @throws CasaError for missing packages or options out of range. */
export default function createReaderDataset({ split = 'train', ...options }: ReaderOptions = {}): Dataset {
  return createReadingDataset(loadMaterial(split), { name: split, seed: 1, ...options })
}
