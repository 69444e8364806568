/** state.json of a checkpoint: what is not a tensor, and the hashes of the files beside it. */
import { CheckpointError } from '../errors.ts'
import type { RunConfig } from './content.ts'

export const FORMAT = 'casa-js checkpoint 1'
export const STATE_FILE = 'state.json'
export const WEIGHTS_FILE = 'weights.safetensors'
export const OPTIMIZER_FILE = 'optimizer.safetensors'

export interface CheckpointState {
  format: typeof FORMAT
  /** Updates done. */
  step: number
  /** Where each shard of the data goes on. */
  positions: number[][]
  config: RunConfig
  /** SHA-256 of the files, in hex. */
  files: Record<string, string>
}

/** @throws CheckpointError saying what is wrong. */
export function parseState(text: string, path: string): CheckpointState {
  let state: Partial<CheckpointState>
  try {
    state = JSON.parse(text)
  } catch {
    throw new CheckpointError(`${path}: not JSON; the file is damaged`)
  }
  if (state?.format !== FORMAT)
    throw new CheckpointError(`${path}: format ${JSON.stringify(state?.format)}, expected "${FORMAT}"`)
  if (!isCount(state.step)) throw new CheckpointError(`${path}: step must be a count, got ${state.step}`)
  if (
    !Array.isArray(state.positions) ||
    !state.positions.every((position) => Array.isArray(position) && position.every(Number.isFinite))
  ) {
    throw new CheckpointError(`${path}: positions must be lists of numbers`)
  }
  if (!isObject(state.config?.fixed) || !isObject(state.config.tunable)) throw new CheckpointError(`${path}: config is missing`)
  for (const file of [WEIGHTS_FILE, OPTIMIZER_FILE]) {
    if (typeof state.files?.[file] !== 'string') throw new CheckpointError(`${path}: the hash of ${file} is missing`)
  }
  return state as CheckpointState
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

/** Paths of fields in which two configs differ, such as "groups.0.learningRate". Compared as JSON. */
export function changedFields(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isTree(before) || !isTree(after)) return [path || 'config']
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => changedFields(before[key], after[key], path ? `${path}.${key}` : key))
}
