/**
 * Name maps as data: rules from a checkpoint's tensor names to those of our tables. A user passes such a list (e.g. from JSON) for a checkpoint
 * with other tensor names; no code has to change.
 */
import { ConfigError } from '@casa-js/base'

/**
 * Rules [pattern, replacement], pattern a regular expression over the checkpoint's name, replacement as of String.replace ($1 for a
 * group). The first rule that matches renames the tensor; the others are not tried. Replacement null: the tensor is left out on
 * purpose and never counts as unexpected.
 */
export type NameMap = readonly (readonly [pattern: string, replacement: string | null])[]

/** name -> the table's name, or undefined when a rule leaves the tensor out. @throws ConfigError for a broken rule. */
export function compileNameMap(map: NameMap, where = 'names'): (name: string) => string | undefined {
  const rules = map.map(([pattern, replacement], index) => {
    try {
      return { pattern: new RegExp(pattern), replacement }
    } catch (error) {
      throw new ConfigError(
        `${where}[${index}]`,
        `${JSON.stringify(pattern)} is not a regular expression: ${(error as Error).message}`,
      )
    }
  })
  return (name) => {
    const rule = rules.find(({ pattern }) => pattern.test(name))
    if (!rule) return name
    return rule.replacement === null ? undefined : name.replace(rule.pattern, rule.replacement)
  }
}

/** A name map from parsed JSON. @throws ConfigError naming the rule. */
export function parseNameMap(json: unknown, where = 'names'): NameMap {
  if (!Array.isArray(json)) throw new ConfigError(where, 'expected a list of [pattern, replacement] pairs')
  json.forEach((rule, index) => {
    const isRule =
      Array.isArray(rule) && rule.length === 2 && typeof rule[0] === 'string' && (rule[1] === null || typeof rule[1] === 'string')
    if (!isRule)
      throw new ConfigError(`${where}[${index}]`, `expected [pattern, replacement or null], found ${JSON.stringify(rule)}`)
  })
  compileNameMap(json, where)
  return json
}
