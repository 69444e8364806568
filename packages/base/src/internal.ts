/** Shared by casa-js packages only: waiting with a signal, queues where the newest wins, 16-bit floats, blocks of GGUF and the quantisers. May change in any release. */
export * from './abort.ts'
export * from './half.ts'
export * from './quantize.ts'
export * from './blocks.ts'
export * from './newest-queue.ts'
