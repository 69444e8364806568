/** One rank of a run over MPI: its own device and program, the loop, and rank 0's view of all. */
import { existsSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ConfigError, FileError } from '@casa-js/base'
import { close, init } from '@casa-js/tensor'
import { createCheckpointStore } from '../../checkpoint/store.node.ts'
import { mergeEvaluations, type RunEvent } from '../../events.ts'
import { runLoop, type EvaluationPart } from '../../loop.ts'
import type { Program, ProgramModule } from '../../program.ts'
import type { WorkerStart } from '../protocol.ts'
import type { World } from './world.node.ts'

/**
 * Runs the loop as one rank. The device is closed when the iteration ends.
 *
 * @param begin called on rank 0 when every rank has built its program, before any of them trains
 * @param signal requests a stop of all ranks after the current update, with a checkpoint; any rank may receive it
 * @returns the events of the run on rank 0, none on other ranks
 * @throws ConfigError when the ranks were given different runs; FileError when they do not see the same folder
 */
export async function* runRank(
  world: World,
  start: Omit<WorkerStart, 'rank' | 'ranks'>,
  warn: (message: string) => void,
  begin: () => Promise<void>,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const { collective } = world
  const { rank, ranks } = collective
  if (ranks > start.loop.shards) {
    throw new ConfigError(
      'batch.perStep',
      `${ranks} ranks cannot share ${start.loop.shards} micro-batches an update: raise it, or start fewer ranks`,
    )
  }
  const device = await init({ device: start.device, threads: threadsOf(world) })
  try {
    const { createProgram } = (await import(start.program.module)) as ProgramModule
    const program = await createProgram(start.program.options, { device, warn })
    try {
      await checkSameRun(world, start, program)
      if (rank === 0) await begin()
      await collective.gather([])
      await checkSameFolder(world, start.out)
      const context = {
        program,
        device,
        collective,
        store: start.out === undefined ? undefined : createCheckpointStore(start.out, { keep: start.keep }),
        resumeFrom: start.resumeFrom,
        stopRequested: () => signal?.aborted ?? false,
        warn,
      }
      for await (const event of runLoop(start.loop, context)) {
        if (event.kind === 'evaluation-part') {
          const parts = await world.exchange<EvaluationPart>(event)
          if (rank === 0) yield mergeEvaluations(event.step, parts)
          continue
        }
        if (event.kind === 'checkpoint') world.setCheckpoint(event.folder)
        if (event.kind === 'step') await nextTurn()
        yield event
      }
    } finally {
      await program.close?.()
    }
  } finally {
    await close()
  }
}

/** Ranks that share a machine take one thread each, unless CASA_THREADS says otherwise. */
function threadsOf({ ranksHere }: World): number | undefined {
  return ranksHere > 1 && process.env.CASA_THREADS === undefined ? 1 : undefined
}

/** @throws ConfigError naming the ranks whose run file or model differs from rank 0's */
async function checkSameRun(world: World, { loop }: Pick<WorkerStart, 'loop'>, { params }: Program): Promise<void> {
  const shapes = Object.entries(params).map(([name, { shape }]) => [name, shape])
  const own = createHash('sha256')
    .update(JSON.stringify([loop, shapes]))
    .digest('hex')
  const all = await world.exchange(own)
  const others = all.flatMap((hash, rank) => (hash === all[0] ? [] : [rank]))
  if (others.length > 0)
    throw new ConfigError(
      'run',
      `the run of rank 0 is not that of ${ranksText(others)}: copy run file, model and data to every machine, in one version`,
    )
}

/** @throws FileError naming the ranks that do not see the run's folder */
async function checkSameFolder(world: World, out: string | undefined): Promise<void> {
  if (out === undefined) return
  const all = await world.exchange(existsSync(join(out, 'casa-folder.json')))
  const blind = all.flatMap((isSeen, rank) => (isSeen ? [] : [rank]))
  if (blind.length > 0)
    throw new FileError(
      out,
      `this folder is not seen by ${ranksText(blind)}: every rank writes its part of a checkpoint, so --out must name a folder that all ` +
        'machines share, by the same path',
    )
}

const ranksText = (ranks: number[]): string => `${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}`
