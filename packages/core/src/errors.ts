/** Errors that say what was wrong, where, and what to do. */

/** Base of every error that casa-js throws on purpose. */
export class CasaError extends Error {
  override name = 'CasaError'
}

/** A field of a config or an options object is missing or wrong. `path` is e.g. "config.json: text_config.rope_theta". */
export class ConfigError extends CasaError {
  override name = 'ConfigError'
  readonly path: string
  constructor(path: string, message: string) {
    super(`${path}: ${message}`)
    this.path = path
  }
}

/** Where a weight went wrong: the file, the tensor, and the rule that was broken, as far as they are known. */
export interface WeightFault {
  file?: string | undefined
  tensor?: string | undefined
  /** Short and stable, for programs, e.g. "duplicate-key". */
  rule?: string
}

/** Weights do not fit the tensor table, or a weight file breaks a rule of its format. */
export class WeightError extends CasaError {
  override name = 'WeightError'
  readonly file?: string | undefined
  readonly tensor?: string | undefined
  readonly rule?: string | undefined
  constructor(message: string, fault: WeightFault = {}) {
    super(message)
    this.file = fault.file
    this.tensor = fault.tensor
    this.rule = fault.rule
  }
}
