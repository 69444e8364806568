/** A fuzz target for config parsers. */
import { ConfigError } from '@casa-js/base'
import type { FuzzTarget } from './fuzz.ts'
import { mutateJson } from './mutate-json.ts'

/**
 * A fuzz target that mutates config.json files and parses them.
 * @param parse e.g. a family's `parseConfig`: it must accept a config or throw ConfigError
 * @param seeds valid configs, parsed
 */
export function configTarget(parse: (json: unknown) => unknown, seeds: readonly unknown[]): FuzzTarget<unknown> {
  return { seeds, mutate: mutateJson, read: parse, isTyped: (error) => error instanceof ConfigError }
}
