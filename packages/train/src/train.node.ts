/** `train`: one run, alone or over workers, fresh or resumed, as a stream of events. */
import { availableParallelism } from 'node:os'
import { ConfigError } from '@casa-js/base'
import type { DeviceName } from '@casa-js/tensor'
import type { RunEvent } from './events.ts'
import type { LoopOptions } from './loop.ts'
import { isLogged, type MetricsLog } from './metrics.node.ts'
import { runPool } from './parallel/pool.node.ts'
import type { ProgramSource } from './parallel/protocol.ts'
import { runSolo } from './parallel/solo.node.ts'
import { openRunFolder } from './run-folder.node.ts'

export interface TrainOptions {
  program: ProgramSource
  loop: LoopOptions
  /** Folder of the run, see run-folder.node.ts. Without it nothing is written. */
  out?: string | undefined
  /** Small files that belong to the run, by name, e.g. its tokenizer.json: written to `out` before the first update. */
  files?: Readonly<Record<string, string>> | undefined
  /** Checkpoints that are kept. */
  keep?: number | undefined
  device?: 'auto' | DeviceName | undefined
  /** Worker threads; 1 trains in this one. */
  workers?: number | undefined
  /** Resume from the newest complete checkpoint in `out`; start from scratch if there is none. */
  resume?: boolean | undefined
  /** Train into a folder that holds something else: files with the same names are replaced, others are kept. */
  force?: boolean | undefined
  /** Requests a stop: the current update is finished and a checkpoint written. */
  signal?: AbortSignal | undefined
  onWarning?: ((message: string) => void) | undefined
}

/**
 * Trains: one run, in this thread or over workers, fresh or resumed. Everything is closed when the iteration ends, however it ends.
 * A run that is refused, or whose model or data cannot be opened, leaves its folder as it was.
 *
 * @returns the events of the run, as they come
 * @throws ConfigError, CheckpointError, DivergedError, FileError, or what the program throws.
 */
export async function* train(options: TrainOptions): AsyncGenerator<RunEvent, void, undefined> {
  const { program, loop, out, keep, signal, resume = false, force = false, files = {} } = options
  const { workers, device } = checkWorkers(options)
  const warn = once(options.onWarning ?? (() => {}))
  if (workers > availableParallelism())
    warn(`${workers} workers on ${availableParallelism()} cores: they will wait for one another`)
  const folder = out === undefined ? undefined : await openRunFolder(out, { loop, resume, force, files, warn })
  let metrics: MetricsLog | undefined
  try {
    const start = { device, program, loop, out, keep, resumeFrom: folder?.found?.folder }
    // Model and data are open: the run begins here.
    const begin = async (): Promise<void> => void (metrics ??= await folder?.begin())
    const events = workers === 1 ? runSolo(start, warn, signal) : runPool({ ...start, ranks: workers }, warn, begin, signal)
    for await (const event of events) {
      if (event.kind === 'start') await begin()
      if (isLogged(event)) await metrics?.add(event)
      yield event
    }
  } finally {
    await metrics?.close()
    await folder?.close()
  }
}

function checkWorkers({ loop, workers = 1, device = 'auto' }: TrainOptions): { workers: number; device: 'auto' | DeviceName } {
  if (!Number.isInteger(workers) || workers < 1)
    throw new ConfigError('workers', `expected a whole number, 1 or more, got ${workers}`)
  if (workers > loop.shards) {
    throw new ConfigError(
      'workers',
      `${workers} workers cannot share ${loop.shards} micro-batches an update: raise batch.perStep or use fewer workers`,
    )
  }
  return { workers, device: deviceFor(device, workers) }
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
