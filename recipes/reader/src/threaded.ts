/** The dataset of `dataset.ts`, made by threads of its own: for trainers whose threads should only train. */
import type { Dataset } from '@casa-js/core'
import { createWorkerDataset } from '@casa-js/data'
import type { ReaderOptions } from './dataset.ts'

const datasetModule = new URL(import.meta.url.endsWith('.ts') ? './dataset.ts' : './dataset.js', import.meta.url)

/** @param options of the dataset, and the number of threads (default 1). Close it when done. */
export default function createThreadedDataset({
  threads = 1,
  ...options
}: ReaderOptions & { threads?: number }): Promise<Dataset> {
  return createWorkerDataset({ module: datasetModule, options, workers: threads })
}
