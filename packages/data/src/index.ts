/** @casa-js/data: datasets, generators of reading and naming tasks, packing and batches. */
export { createRandom, hashIntegers, hashText, permutation, type Random } from './random.ts'
export { packSamples, type ImageModel } from './pack.ts'
export { createBatchStream, type BatchOptions, type BatchStream, type TrainingBatch } from './batches.ts'
export { BrokenExampleError } from './broken-example.ts'
export { createWorkerDataset, type WorkerDatasetOptions } from './worker-dataset.node.ts'
export { openJsonlDataset, type JsonlDataset, type JsonlOptions } from './jsonl-dataset.node.ts'
export type { JsonlSource, RowProblem } from './jsonl-rows.node.ts'
export { holdOut, readPictureFolder, type LabelledPicture, type PictureFolder } from './picture-folder.node.ts'
export { contactSheet, type ContactSheetOptions } from './draw/contact-sheet.node.ts'
export { cssOf, inkOnPaper, type Rgb } from './draw/colours.ts'
export { familyOf } from './draw/text.node.ts'
export { pngOf, toCanvas } from './draw/picture.node.ts'
export type { EmojiStyle, FontFace, Material, Table } from './reading/material.ts'
export { questions } from './reading/questions.ts'
export { createReadingDataset, defaultShares, type Ramp, type ReadingOptions } from './reading/dataset.node.ts'
export { taskNames, type TaskName, type TaskRules } from './reading/tasks.node.ts'
export {
  createFeatureCache,
  type FeatureCache,
  type FeatureCacheOptions,
  type FeatureCacheStats,
  type Features,
} from './features/cache.node.ts'
export { featureKey } from './features/key.node.ts'
export { openParquet, type ParquetOptions, type ParquetTable } from './shards/parquet.ts'
export type { ParquetColumns } from './shards/parquet-dataset.ts'
export { openShards, type OpenShardsOptions } from './shards/open-shards.node.ts'
export type { ShardedDataset } from './shards/sharded-dataset.ts'
export type { ListedShard } from './shards/shard-list.ts'
export type { TarSample } from './shards/tar.ts'
export { indexShards, jsonlSamples, writeShards, type WriteShardsOptions } from './shards/write-shards.node.ts'
