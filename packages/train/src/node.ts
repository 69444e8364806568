/** @casa-js/train/node: runs with worker threads, checkpoints and metrics on disk. */
export { train, type TrainOptions } from './train.node.ts'
export type { ProgramSource } from './parallel/protocol.ts'
export { createCheckpointStore, type StoreOptions } from './checkpoint/store.node.ts'
export { findCheckpoint, type FoundCheckpoint } from './checkpoint/restore.node.ts'
export { METRICS_FILE, readMetrics, type MetricsRow } from './metrics.node.ts'
export { prepareRun, type PreparedRun, type RunOverrides } from './run/prepare.node.ts'
export { createProgram, type VlmProgramOptions } from './run/vlm-program.node.ts'
export type { VlmProgram } from './run/vlm-program.ts'
