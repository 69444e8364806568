/** Errors across threads and the network: a structured clone forgets an error's class and its fields. */
import { CasaError } from './errors.ts'
import * as tree from './errors.ts'

/** An error as plain data. */
export interface ErrorData {
  name: string
  message: string
  stack?: string | undefined
  /** `code` of a CasaError's class. */
  code?: string | undefined
  fields: Record<string, unknown>
}

type ErrorClass = { readonly prototype: Error; readonly code: string }
const ownClasses = Object.values(tree) as readonly ErrorClass[]

/**
 * What was thrown, as plain data that can cross a thread or be written as JSON: name, code, message, stack and plain fields. A thrown
 * value that is not an Error becomes the message of one.
 */
export function toErrorData(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), fields: {} }
  const { name, message, stack } = thrown
  const fields = Object.fromEntries(Object.entries(thrown).filter(([key, value]) => key !== 'name' && isPlain(value)))
  return { name, message, stack, fields, ...(CasaError.isInstance(thrown) && { code: thrown.code }) }
}

/**
 * Make an error of what `toErrorData` gave.
 * @param classes classes of other packages that may arrive, each with a code of its own
 * @returns an error of the class that was thrown, as far as it is known here; else an Error with the same name
 */
export function fromErrorData({ name, message, stack, code, fields }: ErrorData, classes: readonly ErrorClass[] = []): Error {
  const error = Object.assign(new Error(message), fields, { name, stack })
  const known = [...classes, ...ownClasses].find((one) => one.code === code)
  return Object.setPrototypeOf(error, (known ?? Error).prototype) as Error
}

const isPlain = (value: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every(isPlain))
