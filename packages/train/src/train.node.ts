/** `train`: one run, alone, over workers or over MPI, fresh or resumed, as a stream of events. */
import { availableParallelism } from 'node:os'
import { CasaError, ConfigError } from '@casa-js/base'
import type { DeviceName } from '@casa-js/tensor'
import type { RunEvent } from './events.ts'
import type { LoopOptions } from './loop.ts'
import { isLogged, type MetricsLog } from './metrics.node.ts'
import { runRank } from './parallel/mpi/rank.node.ts'
import { joinWorld } from './parallel/mpi/world.node.ts'
import { runPool } from './parallel/pool.node.ts'
import type { ProgramSource } from './parallel/protocol.ts'
import { runSolo } from './parallel/solo.node.ts'
import { openRunFolder, type RunFolder } from './run-folder.node.ts'

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
  /**
   * Train as one of the processes that `mpirun` started: every one of them calls `train` with the same options. Rank 0 holds the folder and
   * yields the events, other ranks yield none. Each trains in one thread (`workers` is 1), on wasm unless `device` says otherwise.
   */
  mpi?: boolean | undefined
  /** Resume from the newest complete checkpoint in `out`; start from scratch if there is none. */
  resume?: boolean | undefined
  /** Train into a folder that holds something else: files with the same names are replaced, others are kept. */
  force?: boolean | undefined
  /** Requests a stop: the current update is finished and a checkpoint written. */
  signal?: AbortSignal | undefined
  onWarning?: ((message: string) => void) | undefined
}

/**
 * Trains: one run, in this thread, over workers or over MPI, fresh or resumed. Everything is closed when the iteration ends, however it ends.
 * A run that is refused, or whose model or data cannot be opened, leaves its folder as it was.
 *
 * @returns the events of the run, as they come
 * @throws ConfigError, CheckpointError, DivergedError, FileError, or what the program throws; over MPI also MpiError, RankLostError when
 *   a process is gone, and, on other ranks than the first, AbortedError when another rank failed
 */
export async function* train(options: TrainOptions): AsyncGenerator<RunEvent, void, undefined> {
  if (options.mpi) return yield* trainAsRank(options)
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

async function* trainAsRank(options: TrainOptions): AsyncGenerator<RunEvent, void, undefined> {
  const { program, loop, out, keep, signal, workers = 1, device = 'auto', resume = false, force = false, files = {} } = options
  if (workers !== 1)
    throw new ConfigError('workers', `over MPI every rank trains in one thread: start more ranks instead of ${workers} workers`)
  const warnHere = once(options.onWarning ?? (() => {}))
  const world = await joinWorld(warnHere)
  const isFirst = world.collective.rank === 0
  const warn = isFirst ? warnHere : world.warn
  let folder: RunFolder | undefined
  let metrics: MetricsLog | undefined
  let isOver = false
  try {
    if (isFirst && out !== undefined) folder = await openRunFolder(out, { loop, resume, force, files, warn })
    const [resumeFrom] = await world.exchange(folder?.found?.folder)
    if (resumeFrom !== undefined) world.setCheckpoint(resumeFrom)
    const start = { device: device === 'auto' ? 'wasm' : device, program, loop, out, keep, resumeFrom } as const
    const begin = async (): Promise<void> => void (metrics = await folder?.begin())
    for await (const event of runRank(world, start, warn, begin, signal)) {
      if (isLogged(event)) await metrics?.add(event)
      yield event
    }
    await world.leave()
    isOver = true
  } catch (error) {
    isOver = true
    throw await world.fail(error)
  } finally {
    // Whoever reads the events has stopped reading them.
    if (!isOver) await world.fail(new CasaError('the run was left before its end'))
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
