/** @casa-js/data/packing: samples, batches and their order. Runs on any platform; the package's main entry also draws pictures, in Node. */
export { createRandom, hashIntegers, hashText, permutation, type Random } from './random.ts'
export { packPrepared, packSamples, prepareSample, type ImageModel, type PreparedPicture, type PreparedSample } from './pack.ts'
export { createBatchStream, type BatchOptions, type BatchStream, type TrainingBatch } from './batches.ts'
export { BrokenExampleError } from './broken-example.ts'
