/** @casa-js/data: datasets, generators of reading and naming tasks, packing and collation. */
export * from './random.ts'
export * from './pack.ts'
export * from './batches.ts'
