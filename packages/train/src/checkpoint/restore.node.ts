/** Finds the checkpoint to resume from, and copies it into weights and moments. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Params } from '@casa-js/core'
import { dispose, tensor, writeRows, type Tensor } from '@casa-js/tensor'
import { fileSource, Safetensors } from '@casa-js/weights'
import { CheckpointError } from '../errors.ts'
import type { Adamw } from '../optimizer.ts'
import { writeValues } from '../parallel/flat.ts'
import type { Part } from '../parallel/parts.ts'
import type { Restored, RunConfig } from './content.ts'
import { LATEST_FILE, listCheckpoints, parseMomentName } from './layout.node.ts'
import { changedFields, momentsFiles, parseState, STATE_FILE, WEIGHTS_FILE, type CheckpointState } from './state.node.ts'

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
 * Copies a checkpoint into weights and the moments of the optimiser's parts, in place.
 * @throws CheckpointError when it belongs to another model.
 */
export async function restoreCheckpoint(folder: string, params: Params, optimizer: Adamw): Promise<Restored> {
  const { step, positions, data, files } = await readState(folder, { checkHashes: false })
  await readMoments(folder, momentsFiles(Object.keys(files))!, optimizer)
  await readWeights(join(folder, WEIGHTS_FILE), params, new Set(optimizer.weights.map(({ name }) => name)))
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

/**
 * Every tensor of the file into the target of that name; names and shapes must agree exactly. Older checkpoints also hold weights that do
 * not train, which are left alone.
 */
async function readWeights(path: string, targets: Params, trained: ReadonlySet<string>): Promise<void> {
  const file = await Safetensors.open(await fileSource(path))
  try {
    const entries = file.entries()
    checkNames(
      path,
      Object.keys(targets),
      [...entries.keys()].filter((name) => name in targets || trained.has(name)),
    )
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

/** A stored tensor of moments: of a whole weight, or of a piece of it. */
interface Piece {
  file: Safetensors
  stored: string
  begin: number
  end: number
}

/** The moments of all files, in as many pieces as ranks wrote, into those that this optimiser holds. */
async function readMoments(folder: string, names: string[], { weights, parts, state }: Adamw): Promise<void> {
  const files: Safetensors[] = []
  try {
    const pieces = new Map<string, Piece[]>()
    for (const name of names) {
      const file = await Safetensors.open(await fileSource(join(folder, name)))
      files.push(file)
      for (const [stored, { shape }] of file.entries()) {
        const { name: moment, begin } = parseMomentName(stored)
        const size = shape.reduce((product, extent) => product * extent, 1)
        pieces.set(moment, [...(pieces.get(moment) ?? []), { file, stored, begin, end: begin + size }])
      }
    }
    const wanted = weights.flatMap(({ name }) => [`first.${name}`, `second.${name}`])
    checkNames(join(folder, names[0]!), wanted, [...pieces.keys()])
    for (const { name, tensor } of weights)
      for (const moment of [`first.${name}`, `second.${name}`]) checkWhole(folder, moment, pieces.get(moment)!, tensor.size)

    for (const [i, part] of parts.entries()) {
      const { name } = weights[part.weight]!
      await readPart(pieces.get(`first.${name}`)!, part, state.first[i]!)
      await readPart(pieces.get(`second.${name}`)!, part, state.second[i]!)
    }
  } finally {
    for (const file of files) await file.close()
  }
}

async function readPart(pieces: Piece[], part: Part, target: Tensor): Promise<void> {
  for (const { file, stored, begin, end } of pieces) {
    const [from, to] = [Math.max(begin, part.begin), Math.min(end, part.end)]
    if (from >= to) continue
    const values = tensor((await file.read(stored)).subarray(from - begin, to - begin), [to - from])
    writeValues(target, values, from - part.begin)
    dispose(values)
  }
}

/** @throws CheckpointError unless the pieces make up the whole weight, each value once */
function checkWhole(folder: string, moment: string, pieces: Piece[], size: number): void {
  const ordered = pieces.toSorted((a, b) => a.begin - b.begin)
  let at = 0
  for (const { begin, end } of ordered) {
    if (begin !== at) break
    at = end
  }
  if (at !== size || ordered.at(-1)!.end !== size)
    throw new CheckpointError(`${folder}: ${moment} holds other values than the ${size} of the model's weight`)
}

function checkNames(path: string, wanted: string[], found: string[]): void {
  const missing = wanted.filter((name) => !found.includes(name))
  const unexpected = found.filter((name) => !wanted.includes(name))
  if (missing.length + unexpected.length === 0) return
  const list = (names: string[]) => names.slice(0, 5).join(', ') + (names.length > 5 ? `, .. (${names.length})` : '')
  throw new CheckpointError(
    `${path} is of another model: missing ${list(missing) || 'nothing'}; unexpected ${list(unexpected) || 'nothing'}`,
  )
}
