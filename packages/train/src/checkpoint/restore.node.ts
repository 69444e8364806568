/** Finds the checkpoint to resume from, and copies it into weights and moments. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Params } from '@casa-js/core'
import { dispose, tensor, writeRows } from '@casa-js/tensor'
import { fileSource, Safetensors } from '@casa-js/weights'
import { CheckpointError } from '../errors.ts'
import type { Adamw } from '../optimizer.ts'
import type { Restored, RunConfig } from './content.ts'
import { LATEST_FILE, listCheckpoints, momentTensors } from './layout.node.ts'
import { changedFields, OPTIMIZER_FILE, parseState, STATE_FILE, WEIGHTS_FILE, type CheckpointState } from './state.node.ts'

export interface FoundCheckpoint {
  folder: string
  state: CheckpointState
  /** Newer checkpoints that were skipped, and why. */
  warnings: string[]
}

/** The newest checkpoint of a run whose files are whole, or undefined. */
export async function findCheckpoint(out: string): Promise<FoundCheckpoint | undefined> {
  const root = join(out, 'checkpoints')
  const latest = (await readFile(join(root, LATEST_FILE), 'utf8').catch(() => '')).trim()
  const names = await listCheckpoints(root)
  const ordered = [...names.filter((name) => name === latest), ...names.filter((name) => name !== latest)]
  const warnings: string[] = []
  for (const name of ordered) {
    const folder = join(root, name)
    try {
      return { folder, state: await readState(folder, { checkHashes: true }), warnings }
    } catch (error) {
      warnings.push(error instanceof Error ? error.message : String(error))
    }
  }
  if (warnings.length > 0) throw new CheckpointError(`no checkpoint in ${root} is whole:\n  ${warnings.join('\n  ')}`)
  return undefined
}

/**
 * Whether a checkpoint can be continued under a config.
 * @returns the fields that have changed since.
 * @throws CheckpointError naming the fields that must not change.
 */
export function compareConfig(state: CheckpointState, config: RunConfig, folder: string): string[] {
  const now = JSON.parse(JSON.stringify(config)) as RunConfig
  const changed = changedFields(state.config.fixed, now.fixed)
  if (changed.length > 0) {
    throw new CheckpointError(
      `${folder} was made with another ${changed.join(', ')}: change it back, or start anew in another --out folder`,
    )
  }
  return changedFields(state.config.tunable, now.tunable)
}

/**
 * Copies a checkpoint into weights and moments, in place.
 * @throws CheckpointError when it belongs to another model.
 */
export async function restoreCheckpoint(folder: string, params: Params, optimizer: Adamw): Promise<Restored> {
  const { step, positions, data } = await readState(folder, { checkHashes: false })
  await readInto(join(folder, WEIGHTS_FILE), params)
  await readInto(join(folder, OPTIMIZER_FILE), momentTensors(optimizer))
  return { step, positions, data }
}

async function readState(folder: string, { checkHashes }: { checkHashes: boolean }): Promise<CheckpointState> {
  const path = join(folder, STATE_FILE)
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CheckpointError(`${path}: ${error.message}`)
  })
  const state = parseState(text, path)
  if (checkHashes) {
    for (const [file, expected] of Object.entries(state.files)) {
      const hash = createHash('sha256')
      await pipeline(createReadStream(join(folder, file)), hash).catch((error: Error) => {
        throw new CheckpointError(`${join(folder, file)}: ${error.message}`)
      })
      if (hash.digest('hex') !== expected)
        throw new CheckpointError(`${join(folder, file)}: the bytes are not those that were written; the file is damaged`)
    }
  }
  return state
}

/** Every tensor of the file into the tensor of that name; names and shapes must agree exactly. */
async function readInto(path: string, targets: Params): Promise<void> {
  const file = await Safetensors.open(await fileSource(path))
  try {
    const entries = file.entries()
    const missing = Object.keys(targets).filter((name) => !entries.has(name))
    const unexpected = [...entries.keys()].filter((name) => !(name in targets))
    if (missing.length + unexpected.length > 0) {
      const list = (names: string[]) => names.slice(0, 5).join(', ') + (names.length > 5 ? `, .. (${names.length})` : '')
      throw new CheckpointError(
        `${path} is of another model: missing ${list(missing) || 'nothing'}; unexpected ${list(unexpected) || 'nothing'}`,
      )
    }
    for (const [name, target] of Object.entries(targets)) {
      const { shape } = entries.get(name)!
      if (shape.join() !== target.shape.join())
        throw new CheckpointError(`${path}: ${name} is [${shape}], the model has [${target.shape}]`)
      const rows = tensor(await file.read(name), shape)
      writeRows(target, rows, 0)
      dispose(rows)
    }
  } finally {
    await file.close()
  }
}
