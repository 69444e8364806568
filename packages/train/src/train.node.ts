/** `train`: one run, alone or over workers, fresh or resumed, as a stream of events. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { CasaError, ConfigError } from '@casa-js/base'
import type { DeviceName } from '@casa-js/tensor'
import { compareConfig, findCheckpoint } from './checkpoint/restore.node.ts'
import type { RunEvent } from './events.ts'
import type { LoopOptions } from './loop.ts'
import { lockRun } from './lock.node.ts'
import { openMetrics } from './metrics.node.ts'
import { runPool } from './parallel/pool.node.ts'
import type { ProgramSource } from './parallel/protocol.ts'
import { runSolo } from './parallel/solo.node.ts'

export interface TrainOptions {
  program: ProgramSource
  loop: LoopOptions
  /** Folder of the run: checkpoints/, model/ and metrics.jsonl. Without it nothing is written. */
  out?: string | undefined
  /** Checkpoints that are kept. */
  keep?: number | undefined
  device?: 'auto' | DeviceName | undefined
  /** Worker threads; 1 trains in this one. */
  workers?: number | undefined
  /** Go on from the newest whole checkpoint in `out`; from the start if there is none. */
  resume?: boolean
  /** Asks for the end: the update is finished and a checkpoint written. */
  signal?: AbortSignal | undefined
  onWarning?: ((message: string) => void) | undefined
}

export const METRICS_FILE = 'metrics.jsonl'

/**
 * Everything is closed when the iteration ends, however it ends.
 * @throws ConfigError, CheckpointError, DivergedError, or what the program throws.
 */
export async function* train(options: TrainOptions): AsyncGenerator<RunEvent, void, undefined> {
  const { loop, out, workers = 1 } = options
  if (!Number.isInteger(workers) || workers < 1)
    throw new ConfigError('workers', `expected a whole number, 1 or more, got ${workers}`)
  if (workers > loop.shards) {
    throw new ConfigError(
      'workers',
      `${workers} workers cannot share ${loop.shards} micro-batches an update: raise batch.perStep or use fewer workers`,
    )
  }
  const device = deviceFor(options.device ?? 'auto', workers)
  const unlock = out === undefined ? undefined : await lockRun(out)
  try {
    yield* trainLocked(options, workers, device)
  } finally {
    await unlock?.()
  }
}

async function* trainLocked(
  options: TrainOptions,
  workers: number,
  device: 'auto' | DeviceName,
): AsyncGenerator<RunEvent, void, undefined> {
  const { program, loop, out, keep, signal } = options
  const warn = once(options.onWarning ?? (() => {}))
  if (workers > availableParallelism())
    warn(`${workers} workers on ${availableParallelism()} cores: they will wait for one another`)

  const found = out === undefined ? undefined : await findCheckpoint(out)
  if (found && !options.resume)
    throw new CasaError(
      `${out} holds a run of ${found.state.step} updates: continue it with --resume, or choose another --out folder`,
    )
  if (found) {
    found.warnings.forEach((warning) => warn(`${warning}; going on from ${found.folder}`))
    const tuned = compareConfig(found.state, loop.config, found.folder)
    if (tuned.length > 0) warn(`changed since ${found.folder}: ${tuned.join(', ')}`)
  }
  const start = { device, program, loop, out, keep, resumeFrom: found?.folder }
  const metrics = out === undefined ? undefined : await openMetrics(join(out, METRICS_FILE), found?.state.step ?? 0)
  try {
    for await (const event of workers === 1
      ? runSolo(start, warn, signal)
      : runPool({ ...start, ranks: workers }, warn, signal)) {
      if (event.kind === 'step' || event.kind === 'evaluation') await metrics?.add(event)
      yield event
    }
  } finally {
    await metrics?.close()
  }
}

/** Every worker reads the same data and would warn of the same rows. */
function once(warn: (message: string) => void): (message: string) => void {
  const said = new Set<string>()
  return (message) => {
    if (!said.has(message)) warn(message)
    said.add(message)
  }
}

/** Workers share no GPU: 'auto' over several of them means wasm. */
function deviceFor(device: 'auto' | DeviceName, workers: number): 'auto' | DeviceName {
  if (workers === 1) return device
  if (device === 'webgpu')
    throw new ConfigError(
      'workers',
      'several workers run on wasm or cpu; on webgpu one device takes all the work: use --workers 1',
    )
  return device === 'auto' ? 'wasm' : device
}
