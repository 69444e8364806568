/**
 * The folder of a run: whether it may be trained into, and what is written there once the run has started.
 *
 *     casa-folder.json   says whose folder it is        run.lock         the process that trains into it
 *     tokenizer.json     where it was trained for the run                metrics.jsonl    a line per update, evaluation, checkpoint
 *     checkpoints/       store.node.ts                                   model/           what `casa ask` takes
 */
import { rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '@casa-js/base'
import { fileSink } from '@casa-js/weights'
import { claimFolder, type FolderClaim } from '@casa-js/weights/node'
import { compareConfig, findCheckpoint, type FoundCheckpoint } from './checkpoint/restore.node.ts'
import { CheckpointError } from './errors.ts'
import type { LoopOptions } from './loop.ts'
import { lockRun } from './lock.node.ts'
import { METRICS_FILE, openMetrics, readMetrics, type MetricsLog } from './metrics.node.ts'

/** How the folder of a run is marked (casa-folder.json). */
export const RUN_FOLDER_KIND = 'training run'
const WRITES = ['tokenizer.json', METRICS_FILE, 'checkpoints', 'model', 'report.html']

export interface RunFolderOptions {
  loop: LoopOptions
  resume: boolean
  /** Train into a folder that holds something else: files with the same names are replaced, others are kept. */
  force: boolean
  /** Small files that belong to the run, by name; written before its first update. */
  files: Readonly<Record<string, string>>
  warn(message: string): void
}

/** A run's folder, held by this process. */
export interface RunFolder {
  /** To go on from. */
  found?: FoundCheckpoint | undefined
  /** Marks the folder as this run's and writes the first files. Until then nothing in it has changed except the lock. */
  begin(): Promise<MetricsLog>
  /** Releases the folder. A folder created for a run that never began is removed. */
  close(): Promise<void>
}

/**
 * Locks a folder for a run. Nothing in it is changed before `begin`.
 *
 * @throws FileError for a folder of something else; CheckpointError or ConfigError when the run in it cannot be continued, or would be
 *   overwritten; CasaError while another process trains into it
 */
export async function openRunFolder(out: string, options: RunFolderOptions): Promise<RunFolder> {
  const isNew = !(await exists(out))
  const claim = await claimRun(out, options.force)
  const unlock = await lockRun(out)
  let begun = false
  const close = async (): Promise<void> => {
    await unlock()
    if (isNew && !begun) await rmdir(out).catch(() => {})
  }
  try {
    const found = await findStart(out, options)
    return {
      found,
      async begin() {
        begun = true
        await claim.mark()
        for (const [name, text] of Object.entries(options.files)) await writeWhole(join(out, name), text)
        return openMetrics(join(out, METRICS_FILE), found?.state.step ?? 0)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs from before folders were marked are recognised by their checkpoints, or by the lock of a killed process. */
async function claimRun(out: string, force: boolean): Promise<FolderClaim> {
  const isOurs = (await exists(join(out, 'checkpoints'))) || (await exists(join(out, 'run.lock')))
  return claimFolder(out, { kind: RUN_FOLDER_KIND, force: force || isOurs, writes: WRITES })
}

async function findStart(out: string, { loop, resume, warn }: RunFolderOptions): Promise<FoundCheckpoint | undefined> {
  const found = await findCheckpoint(out)
  if (!found) {
    await refuseLostCheckpoints(out)
    return undefined
  }
  const { folder, state, warnings } = found
  if (!resume)
    throw new CheckpointError(
      `${out} holds a run of ${state.step} updates: continue it with --resume, or choose another --out folder`,
    )
  for (const warning of warnings) warn(`${warning}; going on from ${folder}`)
  if (state.step > loop.schedule.steps)
    throw new ConfigError(
      'steps',
      `the run in ${out} has made ${state.step} updates, more than the ${loop.schedule.steps} that are asked for: ` +
        `ask for more, or start anew in another --out folder`,
    )
  const tuned = compareConfig(state, loop.config, folder)
  if (tuned.length > 0) warn(`changed since ${folder}: ${tuned.join(', ')}`)
  return found
}

/** A run whose checkpoints were removed cannot go on, and starting anew would take its metrics too. */
async function refuseLostCheckpoints(out: string): Promise<void> {
  const rows = await readMetrics(join(out, METRICS_FILE))
  const last = rows.findLast(({ kind }) => kind === 'checkpoint')
  if (!last) return
  throw new CheckpointError(
    `${out} holds the metrics of a run that had a checkpoint after ${last.step} updates, but no checkpoint is there: ` +
      'put checkpoints/ back, or start anew in another --out folder',
  )
}

async function writeWhole(path: string, text: string): Promise<void> {
  const sink = await fileSink(path)
  await sink.write(new TextEncoder().encode(text))
  await sink.commit()
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
