/** Errors across threads: structured clone forgets an error's class and its fields. */
import {
  ArgumentError,
  CasaError,
  ConfigError,
  DeviceError,
  DeviceLostError,
  DeviceUnavailableError,
  FileError,
  OutOfMemoryError,
  StateError,
  TokenizerError,
  WeightError,
} from '@casa-js/base'
import { CheckpointError, DivergedError } from '../errors.ts'

export interface ErrorData {
  name: string
  message: string
  stack?: string | undefined
  fields: Record<string, unknown>
}

/** What a rank may throw; another error arrives as a plain Error with its name. */
const classes: Record<string, { prototype: Error }> = {
  ArgumentError,
  CasaError,
  CheckpointError,
  ConfigError,
  DeviceError,
  DeviceLostError,
  DeviceUnavailableError,
  DivergedError,
  FileError,
  OutOfMemoryError,
  StateError,
  TokenizerError,
  WeightError,
}

/** What of an error goes through structured clone: its name, message, stack and plain fields. */
export function toErrorData(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), fields: {} }
  const { name, message, stack } = thrown
  const fields = Object.fromEntries(Object.entries(thrown).filter(([, value]) => isPlain(value)))
  return { name, message, stack, fields }
}

/** An error of the same class as far as it is one of ours. */
export function fromErrorData({ name, message, stack, fields }: ErrorData): Error {
  const error = Object.assign(new Error(message), fields, { name, stack })
  return Object.setPrototypeOf(error, (classes[name] ?? Error).prototype)
}

const isPlain = (value: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every(isPlain))
