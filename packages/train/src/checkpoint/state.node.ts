/** state.json of a checkpoint: metadata, the hashes of the checkpoint's other files, and its own hash. */
import { createHash } from 'node:crypto'
import { CheckpointError } from '../errors.ts'
import type { DataFacts } from '../program.ts'
import type { RunConfig } from './content.ts'

export const FORMAT = 'casa-js checkpoint 3'
/** Older versions, still readable: all moments in one file; and before that without a hash of the state itself. */
const FORMAT_ONE_FILE = 'casa-js checkpoint 2'
const FORMAT_WITHOUT_HASH = 'casa-js checkpoint 1'
const FORMATS: readonly unknown[] = [FORMAT, FORMAT_ONE_FILE, FORMAT_WITHOUT_HASH]
export const STATE_FILE = 'state.json'
export const WEIGHTS_FILE = 'weights.safetensors'
export const OPTIMIZER_FILE = 'optimizer.safetensors'

export interface CheckpointState {
  format: typeof FORMAT | typeof FORMAT_ONE_FILE | typeof FORMAT_WITHOUT_HASH
  /** Updates done. */
  step: number
  /** Position of each shard of the data. */
  positions: number[][]
  config: RunConfig
  /** What the data was. */
  data?: DataFacts | undefined
  /** SHA-256 of the files, in hex. */
  files: Record<string, string>
}

/** @returns the name of a rank's file of moments: "optimizer.safetensors" in a run of one rank, else e.g. "optimizer-00002-of-00004.safetensors". */
export function momentsFile(rank: number, ranks: number): string {
  const count = (n: number) => String(n).padStart(5, '0')
  return ranks === 1 ? OPTIMIZER_FILE : `optimizer-${count(rank + 1)}-of-${count(ranks)}.safetensors`
}

/** The files of moments among those of a checkpoint, one from each rank that wrote it; undefined if they are not complete. */
export function momentsFiles(files: readonly string[]): string[] | undefined {
  const found = files.filter((name) => name.startsWith('optimizer'))
  const wanted = found.map((_, rank) => momentsFile(rank, found.length))
  return found.length > 0 && wanted.every((name) => found.includes(name)) ? wanted : undefined
}

/** @returns the text of state.json. */
export function writeState(state: Omit<CheckpointState, 'format'>): string {
  const content = { format: FORMAT, ...state }
  return JSON.stringify({ ...content, hash: hashOf(content) }, undefined, 1) + '\n'
}

/**
 * Reads and checks the text of state.json.
 *
 * @param path name used in errors
 * @throws CheckpointError saying what is wrong
 */
export function parseState(text: string, path: string): CheckpointState {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new CheckpointError(`${path}: not JSON; the file is damaged`)
  }
  if (!isObject(json)) throw new CheckpointError(`${path}: expected an object; the file is damaged`)
  const { hash, ...state } = json as Partial<CheckpointState> & { hash?: unknown }
  if (!FORMATS.includes(state.format))
    throw new CheckpointError(`${path}: format ${JSON.stringify(state.format)}, expected "${FORMAT}"`)
  if (state.format !== FORMAT_WITHOUT_HASH && hash !== hashOf(state))
    throw new CheckpointError(`${path}: its content is not what was written; the file was edited or is damaged`)
  if (!isCount(state.step)) throw new CheckpointError(`${path}: step must be a count, got ${state.step}`)
  if (
    !Array.isArray(state.positions) ||
    !state.positions.every((position) => Array.isArray(position) && position.every(Number.isFinite))
  ) {
    throw new CheckpointError(`${path}: positions must be lists of numbers`)
  }
  if (!isObject(state.config) || !isObject(state.config.fixed) || !isObject(state.config.tunable))
    throw new CheckpointError(`${path}: config is missing`)
  const { files } = state
  if (!isObject(files) || typeof files[WEIGHTS_FILE] !== 'string')
    throw new CheckpointError(`${path}: the hash of ${WEIGHTS_FILE} is missing`)
  const moments = momentsFiles(Object.keys(files))
  if (!moments || !moments.every((file) => typeof files[file] === 'string'))
    throw new CheckpointError(`${path}: the hashes of the files of moments are missing`)
  return state as CheckpointState
}

/** Hash of the JSON without white space, so that reformatting the file does not change it. */
function hashOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

/** Paths of fields in which two configs differ, such as "groups.0.learningRate". Compared as JSON. */
export function changedFields(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isObject(before) || !isObject(after)) return [path || 'config']
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => changedFields(before[key], after[key], path ? `${path}.${key}` : key))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
