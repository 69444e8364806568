/**
 * The error tree of casa-js. Every error that a package throws on purpose is a `CasaError`: it says what was wrong, where, and what to
 * do about it. Catch by class (`ConfigError.isInstance(error)`) or by `error.code`, never by the message.
 *
 * An aborted call is the one exception: it throws the `reason` of the caller's own AbortSignal, as `fetch` does.
 */

/** Marks the prototype of CasaError. In the global symbol registry, so that a second copy of this package carries the same mark. */
const mark: unique symbol = Symbol.for('casa-js.error') as never

type ErrorClass<T> = (abstract new (...args: never[]) => T) & { readonly code: string }

/** Base of every error that casa-js throws on purpose. */
export class CasaError extends Error {
  /** Short, stable name of the class, for programs. A subclass sets its own. */
  static readonly code: string = 'casa'

  override name = 'CasaError'

  /** `code` of the error's class, e.g. "config". */
  get code(): string {
    return (this.constructor as typeof CasaError).code
  }

  get [mark](): true {
    return true
  }

  /**
   * Whether an error is of this class or a subclass. Works also when another copy of casa-js threw it, where `instanceof` fails:
   * a page may load two versions, and a worker bundle has its own copy.
   */
  static isInstance<T>(this: ErrorClass<T>, error: unknown): error is T {
    if (error instanceof this) return true
    if (typeof error !== 'object' || error === null || !(mark in error) || !Object.hasOwn(this, 'code')) return false
    for (let at: object | null = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const made = at.constructor as Partial<ErrorClass<unknown>>
      if (Object.hasOwn(made, 'code') && made.code === this.code) return true
    }
    return false
  }
}

/** A field of a config, an option or a flag is missing or wrong. `path` is e.g. "config.json: text_config.rope_theta". */
export class ConfigError extends CasaError {
  static override readonly code: string = 'config'
  override name = 'ConfigError'
  readonly path: string

  /**
   * @param path the file and field, or the flag and its value; the message starts with it
   * @param message what was expected, what was found
   */
  constructor(path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options)
    this.path = path
  }
}

/** A function was called with arguments that do not fit: shapes, lengths, ranges. */
export class ArgumentError extends CasaError {
  static override readonly code: string = 'argument'
  override name = 'ArgumentError'
}

/** A call came at a time when it cannot be answered: before init(), after dispose(), during another call. */
export class StateError extends CasaError {
  static override readonly code: string = 'state'
  override name = 'StateError'
}

/** A file or folder is missing, unreadable, or not what was expected. `file` is its path, as far as it is known. */
export class FileError extends CasaError {
  static override readonly code: string = 'file'
  override name = 'FileError'
  readonly file: string

  /** @param message what is wrong with the file; the error's message puts the path before it */
  constructor(file: string, message: string, options?: ErrorOptions) {
    super(`${file}: ${message}`, options)
    this.file = file
  }
}

/** Where a weight went wrong: the file, the tensor, and the rule that was broken, as far as they are known. */
export interface WeightFault extends ErrorOptions {
  file?: string | undefined
  tensor?: string | undefined
  /** Short and stable, for programs, e.g. "duplicate-key". */
  rule?: string | undefined
}

/** Weights do not fit the tensor table, or a weight file breaks a rule of its format. */
export class WeightError extends CasaError {
  static override readonly code: string = 'weights'
  override name = 'WeightError'
  readonly file?: string
  readonly tensor?: string
  readonly rule?: string

  constructor(message: string, { file, tensor, rule, ...options }: WeightFault = {}) {
    super(message, options)
    if (file !== undefined) this.file = file
    if (tensor !== undefined) this.tensor = tensor
    if (rule !== undefined) this.rule = rule
  }
}

/** A tokenizer file, a chat template or a conversation that does not fit. */
export class TokenizerError extends CasaError {
  static override readonly code: string = 'tokenizer'
  override name = 'TokenizerError'
}

/** The device (WebGPU, wasm, cpu) cannot do what was asked. */
export class DeviceError extends CasaError {
  static override readonly code: string = 'device'
  override name = 'DeviceError'
}

/** The device went away (driver reset, tab in the background, close()). Everything on it is gone: init() again and reload. */
export class DeviceLostError extends DeviceError {
  static override readonly code: string = 'device-lost'
  override name = 'DeviceLostError'
}

/** The device has no memory left for what was asked. Use smaller batches, or keep fewer tensors. */
export class OutOfMemoryError extends DeviceError {
  static override readonly code: string = 'out-of-memory'
  override name = 'OutOfMemoryError'
}

/** The device cannot be used here; the message says why. */
export class DeviceUnavailableError extends DeviceError {
  static override readonly code: string = 'device-unavailable'
  override name = 'DeviceUnavailableError'
}
