/**
 * Checkpoints in a folder, each appearing whole or not at all:
 *
 *     checkpoints/step-00001200/{state.json, weights.safetensors, optimizer.safetensors}     float32
 *     checkpoints/latest                                                                     the name of the newest
 *
 * Each rank of a run of several writes the moments that it holds, into a file of its own; rank 0 writes the rest, last of all state.json.
 * A checkpoint is written into a hidden folder, flushed to the disk, and renamed. So a process killed at any moment leaves at
 * worst a hidden folder, which the next write removes, or a `latest` that names the previous checkpoint.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Params } from '@casa-js/core'
import type { Tensor } from '@casa-js/tensor'
import { fileSink, writeSafetensors, type ByteSink } from '@casa-js/weights'
import { writeFolderWhole } from '@casa-js/weights/node'
import { AbortedError, CheckpointError } from '../errors.ts'
import { solo } from '../parallel/collective.ts'
import type { CheckpointStore } from './content.ts'
import { checkpointName, LATEST_FILE, listCheckpoints, momentTensors } from './layout.node.ts'
import { restoreCheckpoint } from './restore.node.ts'
import { momentsFile, STATE_FILE, WEIGHTS_FILE, writeState } from './state.node.ts'

const TEMPORARY = '.tmp-'
const MODEL_FOLDER = 'model'

export interface StoreOptions {
  /** How many of the newest checkpoints are kept. Default 2. */
  keep?: number | undefined
  /** How a file is written; tests simulate a full disk here. */
  createSink?: (path: string) => Promise<ByteSink>
}

/**
 * The checkpoints of one run.
 *
 * @param out folder of the run: checkpoints go to out/checkpoints, the model to out/model
 */
export function createCheckpointStore(out: string, { keep = 2, createSink = fileSink }: StoreOptions = {}): CheckpointStore {
  const root = join(out, 'checkpoints')

  return {
    async write(content, collective = solo) {
      const { rank, ranks } = collective
      const { step, positions, config, data, params, optimizer } = content
      const name = checkpointName(step)
      const temporary = join(root, TEMPORARY + name)
      const writeTensorsTo = async (file: string, tensors: Params) =>
        writeTensors(await createSink(join(temporary, file)), tensors)
      try {
        if (rank === 0) {
          await sweep(root, (entry) => entry.startsWith(TEMPORARY) || entry.endsWith('.tmp'))
          await mkdir(temporary, { recursive: true })
        }
        // The folder is there, for all ranks.
        if (ranks > 1) await collective.gather([])
        const weightsHash = rank === 0 ? await writeTensorsTo(WEIGHTS_FILE, params) : undefined
        const momentsHash = await writeTensorsTo(momentsFile(rank, ranks), momentTensors(optimizer))
        const hashes = (await collective.gather([...Buffer.from(momentsHash, 'hex')])).map((bytes) =>
          Buffer.from(bytes).toString('hex'),
        )
        if (weightsHash !== undefined) {
          const moments = hashes.map((hash, of) => [momentsFile(of, ranks), hash] as const)
          const files = { [WEIGHTS_FILE]: weightsHash, ...Object.fromEntries(moments) }
          const state = writeState({ step, positions, config, ...(data && { data }), files })
          await writeText(await createSink(join(temporary, STATE_FILE)), state)
          await syncFolder(temporary)
          await replaceFolder(temporary, join(root, name))
          await writeText(await createSink(join(root, LATEST_FILE)), name + '\n')
          await prune(root, keep, name)
        }
      } catch (error) {
        if (rank === 0) await rm(temporary, { recursive: true, force: true }).catch(() => {})
        // Another rank failed, and says how.
        if (error instanceof CheckpointError || error instanceof AbortedError) throw error
        const reason = error instanceof Error ? error.message : String(error)
        throw new CheckpointError(
          `the checkpoint of step ${step} could not be written: ${reason}. The one before is intact: continue with --resume`,
          { cause: error },
        )
      }
      return join(root, name)
    },

    restore: restoreCheckpoint,

    async saveModel(save) {
      await sweep(out, isOwnTemporary)
      // The run's folder belongs to the run, so the model in it may be replaced; other files in it stay.
      await writeFolderWhole(join(out, MODEL_FOLDER), { kind: 'model', force: true }, (_, temporary) => save(temporary))
    },
  }
}

/** Returns the file's SHA-256. */
async function writeTensors(sink: ByteSink, tensors: Params): Promise<string> {
  const hash = createHash('sha256')
  const hashing: ByteSink = {
    ...sink,
    async write(bytes) {
      hash.update(bytes)
      await sink.write(bytes)
    },
  }
  const plans = Object.entries(tensors).map(([name, { shape }]) => ({ name, dtype: 'F32' as const, shape }))
  await writeSafetensors(hashing, { plans, produce: ({ name }) => readFinite(name, tensors[name]!) })
  return hash.digest('hex')
}

/** A checkpoint that holds NaN would be worse than none. */
async function readFinite(name: string, tensor: Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array
  if (!values.every(Number.isFinite))
    throw new CheckpointError(`${name} holds NaN or Infinity: no checkpoint was written, the one before is intact`)
  return values
}

async function writeText(sink: ByteSink, text: string): Promise<void> {
  try {
    await sink.write(new TextEncoder().encode(text))
    await sink.commit()
  } catch (error) {
    await sink.abort()
    throw error
  }
}

/** Moves a finished folder into place; the old one is removed only after the new one is there. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const old = join(to, '..', `${TEMPORARY}old-${basename(to)}`)
  await rm(old, { recursive: true, force: true })
  await rename(to, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(from, to)
  await syncFolder(join(to, '..'))
  await rm(old, { recursive: true, force: true })
}

/** Removes partial files left by a killed process. */
async function sweep(folder: string, isLeftOver: (entry: string) => boolean): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const entry of await readdir(folder)) {
    if (isLeftOver(entry)) await rm(join(folder, entry), { recursive: true, force: true })
  }
}

/** Model folders that were being written beside their place. Only the process that holds the run's lock writes them. */
function isOwnTemporary(entry: string): boolean {
  return new RegExp(`^${MODEL_FOLDER}\\.\\d+-[0-9a-f]{8}\\.tmp$`).test(entry)
}

async function prune(root: string, keep: number, newest: string): Promise<void> {
  const names = await listCheckpoints(root)
  for (const name of names.slice(Math.max(1, keep))) {
    if (name === newest) continue
    // Renamed first, so that what is half removed never looks like a checkpoint.
    const hidden = join(root, TEMPORARY + name)
    await rename(join(root, name), hidden)
    await rm(hidden, { recursive: true, force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  // Not every platform can flush a folder; there the rename alone must suffice.
  await handle?.sync().catch(() => {})
  await handle?.close()
}
