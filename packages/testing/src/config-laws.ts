/** The law of every config parser: a wrong or missing field throws a ConfigError that names it. */
import { ConfigError } from '@casa-js/base'
import { expect } from 'vitest'

const wrong: unknown[] = [{}, [], 'word', -1, 0, 1.5, NaN, null, true]

/**
 * Replaces and removes each field of a valid config, one at a time: the parser either accepts the result or throws a ConfigError that
 * names a field; never any other error.
 */
export function expectFieldErrors(parse: (json: unknown) => unknown, json: Record<string, unknown>, at = ''): void {
  const check = (field: string, changed: unknown, what: string) => {
    try {
      parse(changed)
    } catch (error) {
      expect(error, `${what} ${at}${field}: threw ${error}`).toBeInstanceOf(ConfigError)
    }
  }
  for (const [field, value] of Object.entries(json)) {
    const { [field]: _, ...without } = json
    check(field, without, 'without')
    for (const bad of wrong) check(field, { ...json, [field]: bad }, `${JSON.stringify(bad)} as`)
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      expectFieldErrors((inner) => parse({ ...json, [field]: inner }), value as Record<string, unknown>, `${at}${field}.`)
    }
  }
  if (at !== '') return
  for (const notAnObject of [null, undefined, 3, 'x', []]) {
    expect(() => parse(notAnObject), `parsing ${JSON.stringify(notAnObject)}`).toThrow(ConfigError)
  }
}

/** Leaving out a required field throws an error that names it. */
export function expectRequired(parse: (json: unknown) => unknown, json: Record<string, unknown>, fields: string[]): void {
  for (const field of fields) {
    const { [field]: _, ...without } = json
    expect(() => parse(without), `without ${field}`).toThrow(field)
  }
}
