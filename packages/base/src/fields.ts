/** Reading untrusted JSON field by field: every error names the path, what was expected and what was found. */
import { ConfigError } from './errors.ts'

type Json = Record<string, unknown>

interface Bounds {
  min?: number
  max?: number
}

const show = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? text.slice(0, 57) + '...' : text
}

/** One JSON object being read. Later names of a field are the ones that older or newer layouts use. */
export class Fields {
  readonly path: string
  private readonly json: Json

  /** @param path prefix of field names in errors, e.g. "config.json" */
  constructor(json: unknown, path: string) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new ConfigError(path, `expected an object, found ${show(json)}`)
    }
    this.json = json as Json
    this.path = path
  }

  private find(names: string | string[]): { name: string; value: unknown } {
    const list = typeof names === 'string' ? [names] : names
    const name = list.find((n) => Object.hasOwn(this.json, n) && this.json[n] !== null && this.json[n] !== undefined)
    return { name: name ?? list[0]!, value: name === undefined ? undefined : this.json[name] }
  }

  at(name: string): string {
    return `${this.path}: ${name}`
  }

  has(name: string): boolean {
    return this.find(name).value !== undefined
  }

  /** Names of the fields that hold something: not null. */
  names(): string[] {
    return Object.keys(this.json).filter((name) => this.has(name))
  }

  /** Whether a field is present and null, which some formats treat differently from an absent field. */
  isNull(name: string): boolean {
    return Object.hasOwn(this.json, name) && this.json[name] === null
  }

  private read<T>(names: string | string[], expected: string, valid: (value: unknown) => boolean, fallback: T | undefined): T {
    const { name, value } = this.find(names)
    if (value === undefined && fallback !== undefined) return fallback
    if (!valid(value)) throw new ConfigError(this.at(name), `expected ${expected}, found ${show(value)}`)
    return value as T
  }

  /** An integer of at least `min` (default 1) and at most `max` (default 2^31 - 1). */
  integer(names: string | string[], { min = 1, max = 2 ** 31 - 1, fallback }: Bounds & { fallback?: number } = {}): number {
    return this.read(
      names,
      `an integer of ${min} to ${max}`,
      (v) => Number.isSafeInteger(v) && (v as number) >= min && (v as number) <= max,
      fallback,
    )
  }

  /** A finite number above `above` (default 0). */
  number(names: string | string[], { above = 0, fallback }: { above?: number; fallback?: number } = {}): number {
    return this.read(names, `a number above ${above}`, (v) => typeof v === 'number' && Number.isFinite(v) && v > above, fallback)
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.read(name, 'true or false', (v) => typeof v === 'boolean', fallback)
  }

  string(name: string, fallback?: string): string {
    return this.read(name, 'a string', (v) => typeof v === 'string', fallback)
  }

  /** One of a fixed set of strings. */
  oneOf<const T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    return this.read(name, choices.map((c) => `"${c}"`).join(' or '), (v) => choices.includes(v as T), fallback)
  }

  numbers(name: string, { length, fallback }: { length?: number; fallback?: number[] } = {}): number[] {
    const expected = length === undefined ? 'a list of numbers' : `a list of ${length} numbers`
    const valid = (v: unknown) =>
      Array.isArray(v) &&
      (length === undefined || v.length === length) &&
      v.every((x) => typeof x === 'number' && Number.isFinite(x))
    return this.read(name, expected, valid, fallback)
  }

  integers(name: string, { length, fallback }: { length?: number; fallback?: number[] } = {}): number[] {
    const expected = `a list of ${length ?? ''} non-negative integers`.replace('  ', ' ')
    const valid = (v: unknown) =>
      Array.isArray(v) && (length === undefined || v.length === length) && v.every((x) => Number.isSafeInteger(x) && x >= 0)
    return this.read(name, expected, valid, fallback)
  }

  strings(name: string, fallback?: string[]): string[] {
    return this.read(name, 'a list of strings', (v) => Array.isArray(v) && v.every((x) => typeof x === 'string'), fallback)
  }

  /** A nested object; an absent one reads as empty when `optional`. */
  object(name: string, { optional = false }: { optional?: boolean } = {}): Fields {
    const { value } = this.find(name)
    return new Fields(value === undefined && optional ? {} : value, this.at(name))
  }

  /** Any value, unchecked. */
  raw(name: string): unknown {
    return this.find(name).value
  }

  /** Refuse a setting that this library does not implement. */
  require(condition: boolean, name: string, message: string): void {
    if (!condition) throw new ConfigError(this.at(name), `${message}, found ${show(this.raw(name))}`)
  }
}
