/** The material of the shipped model, and the datasets made of it. Private to this repository. */
export { default as createReaderDataset, type ReaderOptions } from './dataset.ts'
export { corpusTexts } from './corpus.ts'
export { evaluatedTasks, readerTasks } from './evaluation.ts'
export { loadMaterial } from './material.ts'
export { emojiStyles } from './emoji.ts'
export { emojiNames } from './emoji-names.ts'
export { fontFamilies } from './fonts.ts'
export { isHeldOut, type Split } from './split.ts'

/** Module for `createWorkerDataset`. */
export const datasetModule = new URL(import.meta.url.endsWith('.ts') ? './dataset.ts' : './dataset.js', import.meta.url)
