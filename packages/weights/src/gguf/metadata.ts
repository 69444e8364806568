/** Typed reads of GGUF metadata: a missing or ill-typed key is named. */
import { ConfigError } from '@casa-js/base'
import type { GgufValue } from './cursor.ts'

export class GgufMetadata {
  readonly file: string
  readonly values: ReadonlyMap<string, GgufValue>

  constructor(file: string, values: ReadonlyMap<string, GgufValue>) {
    this.file = file
    this.values = values
  }

  has(key: string): boolean {
    return this.values.has(key)
  }

  /** @throws ConfigError when the key is there and holds something else. */
  optionalText(key: string): string | undefined {
    const value = this.values.get(key)
    return value === undefined || typeof value === 'string' ? value : this.wrong(key, 'a text', value)
  }

  text(key: string): string {
    return this.optionalText(key) ?? this.missing(key)
  }

  /** The common value of a list with an entry for each layer. */
  optionalNumber(key: string): number | undefined {
    const value = this.values.get(key)
    if (value === undefined) return undefined
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'number') return value
    const list = asNumbers(value)
    if (list && list.length > 0 && list.every((item) => item === list[0])) return list[0]
    return this.wrong(key, 'a number', value)
  }

  number(key: string): number {
    return this.optionalNumber(key) ?? this.missing(key)
  }

  optionalFlag(key: string): boolean | undefined {
    const value = this.values.get(key)
    return value === undefined || typeof value === 'boolean' ? value : this.wrong(key, 'true or false', value)
  }

  optionalNumbers(key: string): number[] | undefined {
    const value = this.values.get(key)
    if (value === undefined) return undefined
    return asNumbers(value) ?? this.wrong(key, 'a list of numbers', value)
  }

  texts(key: string): string[] {
    const value = this.values.get(key)
    if (value === undefined) return this.missing(key)
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string')
    return isTexts ? (value as string[]) : this.wrong(key, 'a list of texts', value)
  }

  refuse(key: string, message: string): never {
    throw new ConfigError(`${this.file}: ${key}`, message)
  }

  private missing(key: string): never {
    return this.refuse(key, 'this metadata is missing')
  }

  private wrong(key: string, expected: string, value: GgufValue): never {
    const found = typeof value === 'object' ? 'a list' : JSON.stringify(String(value)).slice(0, 60)
    return this.refuse(key, `expected ${expected}, found ${found}`)
  }
}

function asNumbers(value: GgufValue): number[] | undefined {
  if (value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint32Array) return Array.from(value)
  if (!Array.isArray(value)) return undefined
  return value.every((item) => typeof item === 'number' || typeof item === 'bigint') ? value.map(Number) : undefined
}
