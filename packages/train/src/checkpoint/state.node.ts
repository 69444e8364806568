/** state.json of a checkpoint: metadata, the hashes of the checkpoint's other files, and its own hash. */
import { createHash } from 'node:crypto'
import { CheckpointError } from '../errors.ts'
import type { DataFacts } from '../program.ts'
import type { RunConfig } from './content.ts'

export const FORMAT = 'casa-js checkpoint 2'
/** Older version without its own hash; still readable. */
const FORMAT_WITHOUT_HASH = 'casa-js checkpoint 1'
export const STATE_FILE = 'state.json'
export const WEIGHTS_FILE = 'weights.safetensors'
export const OPTIMIZER_FILE = 'optimizer.safetensors'

export interface CheckpointState {
  format: typeof FORMAT | typeof FORMAT_WITHOUT_HASH
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
  if (state.format !== FORMAT && state.format !== FORMAT_WITHOUT_HASH)
    throw new CheckpointError(`${path}: format ${JSON.stringify(state.format)}, expected "${FORMAT}"`)
  if (state.format === FORMAT && hash !== hashOf(state))
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
  for (const file of [WEIGHTS_FILE, OPTIMIZER_FILE]) {
    if (typeof state.files?.[file] !== 'string') throw new CheckpointError(`${path}: the hash of ${file} is missing`)
  }
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
