/**
 * A names file: how a checkpoint's tensors become a model's, as data that can be read and edited.
 *
 *   { "names": [["^a\\.(\\d+)\\.b$", "model.layers.$1.norm.weight"], ["^left\\.out$", null]],
 *     "split": [["^a\\.(\\d+)\\.qkv$", [["model.layers.$1.self_attn.q_proj.weight", 64], ["..k..", 32], ["..v..", 32]]]] }
 *
 * `names` is a name map. `split` cuts a tensor into consecutive rows: a new name and its number of rows each.
 */
import { ConfigError } from '@casa-js/base'
import { parseNameMap, type NameMap } from '../load/name-map.ts'
import type { Detection } from './detect.ts'
import type { Template } from './templates.ts'

export type SplitRule = readonly [pattern: string, parts: readonly (readonly [name: string, rows: number])[]]

export interface TensorNames {
  names: NameMap
  split: readonly SplitRule[]
}

/**
 * A names file from its parsed JSON; a bare list is a name map without cuts.
 *
 * @param where name of the file in errors
 * @throws ConfigError naming the rule that is wrong
 */
export function parseNamesFile(json: unknown, where: string): TensorNames {
  if (Array.isArray(json)) return { names: parseNameMap(json, where), split: [] }
  if (typeof json !== 'object' || json === null) throw new ConfigError(where, 'expected { "names": [..], "split": [..] }')
  const { names = [], split = [], ...others } = json as { names?: unknown; split?: unknown }
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new ConfigError(`${where}: ${unknown}`, 'there is no such field; known are names, split')
  if (!Array.isArray(split)) throw new ConfigError(`${where}: split`, 'expected a list of [pattern, [[name, rows], ..]]')
  split.forEach((rule: unknown, index) => checkSplit(rule, `${where}: split[${index}]`))
  return { names: parseNameMap(names, `${where}: names`), split: split as SplitRule[] }
}

function checkSplit(rule: unknown, where: string): void {
  const isPart = (part: unknown): boolean =>
    Array.isArray(part) && part.length === 2 && typeof part[0] === 'string' && Number.isSafeInteger(part[1]) && part[1] > 0
  const isRule =
    Array.isArray(rule) &&
    rule.length === 2 &&
    typeof rule[0] === 'string' &&
    Array.isArray(rule[1]) &&
    rule[1].length > 0 &&
    rule[1].every(isPart)
  if (!isRule) throw new ConfigError(where, `expected [pattern, [[name, rows], ..]], found ${JSON.stringify(rule)}`)
  // The pattern is compiled as a name map's, for one message about broken expressions.
  parseNameMap([[(rule as [string])[0], null]], where)
}

/** The names file of what was detected. Unexplained tensors are left out of the model only if `drop` says so. */
export function namesFileOf({ pairs, fused, unexplained }: Detection, { drop = false } = {}): TensorNames {
  return {
    names: [
      ...pairs.flatMap(({ wanted, found }) => (wanted.name === found.name ? [] : rulesOf(found, [...wanted.members.values()]))),
      ...(drop ? unexplained.map(({ name }) => [patternOf(name), null] as const) : []),
    ],
    split: fused.map(({ found, parts }) => [
      patternOf(found.name),
      parts.map(({ name, members }) => [replacementOf(name), [...members.values()][0]!.shape[0]!] as const),
    ]),
  }
}

/** One rule with groups for the numbers, where they are the same on both sides; else a rule for every tensor. */
function rulesOf(found: Template, wanted: readonly { name: string }[]): [string, string][] {
  const members = [...found.members.values()]
  const rule: [string, string] = [patternOf(found.name), replacementOf(templateOf(wanted[0]!.name))]
  const fits = members.every(({ name }, i) => name.replace(new RegExp(rule[0]), rule[1]) === wanted[i]!.name)
  if (fits) return [rule]
  return members.map(({ name }, i) => [`^${escaped(name)}$`, wanted[i]!.name.replaceAll('$', '$$$$')])
}

const templateOf = (name: string): string => name.replace(/(^|\.)\d+(?=\.|$)/g, '$1*')
const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
const patternOf = (template: string): string => `^${escaped(template).replaceAll('*', '(\\d+)')}$`

function replacementOf(template: string): string {
  let group = 0
  return template.replaceAll('$', '$$$$').replaceAll('*', () => `$${++group}`)
}
