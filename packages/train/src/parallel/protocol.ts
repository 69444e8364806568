/** Messages between the main thread and the workers of a data-parallel run. Control flags and tensors go through shared memory. */
import type { DeviceName } from '@casa-js/tensor'
import type { LoopEvent, LoopOptions } from '../loop.ts'
import type { ErrorData } from '@casa-js/base'
import type { SharedMemory } from './shared-memory.ts'

/** How a program is made: the same in every worker. */
export interface ProgramSource {
  /** URL of a module with `createProgram` (ProgramModule). */
  module: string
  /** Handed to `createProgram`; goes through structured clone. */
  options: unknown
}

/** Given to a worker as it starts. */
export interface WorkerStart {
  rank: number
  ranks: number
  device: DeviceName | 'auto'
  program: ProgramSource
  loop: LoopOptions
  /** Folder of the run; without it nothing is written. */
  out?: string | undefined
  keep?: number | undefined
  resumeFrom?: string | undefined
}

/** main -> worker, once all are ready. */
export interface RunMessage {
  kind: 'run'
  memory: SharedMemory
}

/** worker -> main */
export type WorkerMessage =
  /** `parameters`: values in all trained weights. */
  | { kind: 'ready'; parameters: number }
  | { kind: 'event'; event: LoopEvent }
  | { kind: 'warning'; message: string }
  | { kind: 'done' }
  | { kind: 'error'; error: ErrorData; aborted: boolean }
