/** Matches a tensor table with a checkpoint's tensors, and reports all mismatches at once. */
import type { TensorSpec, TensorTable } from '@casa-js/core'
import { WeightError } from '@casa-js/base'
import { derivedBuffers } from './known-names.ts'
import { nearest } from './nearest.ts'
import { compileNameMap, type NameMap } from './name-map.ts'

export interface MatchOptions {
  /** Maps the checkpoint's tensor names to those of the table. */
  names?: NameMap | undefined
  /** Ignore tensors that the table does not name, e.g. to load only the vision tower of a model. Default false: they are an error. */
  allowUnexpected?: boolean
}

export interface Match {
  spec: TensorSpec
  /** The tensor's name in the checkpoint. */
  found: string
}

interface Entry {
  shape: number[]
  dtype: string
}

const floats = new Set(['F32', 'F16', 'BF16', 'F64', 'Q8', 'Q4'])

/** Most lines of each kind in an error; a wrong model differs in every tensor. */
const shownLimit = 40

/**
 * Pairs a tensor table with the tensors of a checkpoint, by names and shapes; reads no values.
 * @returns one match for each spec, in the table's order
 * @throws WeightError listing missing, unexpected and mismatched tensors.
 */
export function matchTable(
  table: TensorTable,
  source: { name?: string; entries(): Map<string, Entry> },
  options: MatchOptions = {},
): Match[] {
  const entries = source.entries()
  const renamed = rename(source.name ?? 'the checkpoint', entries, options.names ?? [])
  leaveOutBuffers(renamed, table)
  const matches: Match[] = []
  const missing: TensorSpec[] = []
  const misfits: string[] = []
  const used = new Set<string>()
  for (const spec of table) {
    const called = [spec.name, ...(spec.aliases ?? [])].filter((name) => renamed.has(name))
    if (called.length === 0) {
      missing.push(spec)
      continue
    }
    if (called.length > 1) misfits.push(`${spec.name}: stands there under several names: ${called.join(', ')}`)
    for (const name of called) used.add(name)
    const found = renamed.get(called[0]!)!
    const { shape, dtype } = entries.get(found)!
    const fits = shape.length === spec.shape.length && shape.every((size, axis) => size === spec.shape[axis])
    if (!fits) misfits.push(`${described(spec.name, spec.shape)}   found ${described(found === spec.name ? '' : found, shape)}`)
    else if (!floats.has(dtype))
      misfits.push(`${described(spec.name, spec.shape)}   found ${dtype}, expected one of ${[...floats].join(', ')}`)
    matches.push({ spec, found })
  }
  const unexpected = [...renamed.keys()].filter((name) => !used.has(name))
  const refused = options.allowUnexpected ? [] : unexpected
  if (missing.length + refused.length + misfits.length > 0) {
    throw new WeightError(report(source.name ?? 'the checkpoint', missing, misfits, refused, unexpected, renamed, entries), {
      file: source.name,
      tensor: missing[0]?.name ?? misfits[0]?.split(/[ :]/)[0] ?? refused[0],
      rule: 'table',
    })
  }
  return matches
}

/** Table name -> checkpoint name. */
function rename(source: string, entries: Map<string, Entry>, names: NameMap): Map<string, string> {
  const toTable = compileNameMap(names)
  const renamed = new Map<string, string>()
  for (const found of entries.keys()) {
    const name = toTable(found)
    if (name === undefined) continue
    const other = renamed.get(name)
    if (other !== undefined) {
      throw new WeightError(`${source}: the name map calls both ${other} and ${found} ${name}`, {
        file: source,
        tensor: found,
        rule: 'names',
      })
    }
    renamed.set(name, found)
  }
  return renamed
}

/** Buffers that a model computes itself do not count as unexpected; a table that names one still gets it. */
function leaveOutBuffers(renamed: Map<string, string>, table: TensorTable): void {
  const wanted = new Set(table.flatMap(({ name, aliases = [] }) => [name, ...aliases]))
  const keep = compileNameMap(derivedBuffers)
  for (const name of renamed.keys()) if (!wanted.has(name) && keep(name) === undefined) renamed.delete(name)
}

function report(
  source: string,
  missing: TensorSpec[],
  misfits: string[],
  refused: string[],
  unexpected: string[],
  renamed: Map<string, string>,
  entries: Map<string, Entry>,
): string {
  const there = (name: string) => described(renamed.get(name)!, entries.get(renamed.get(name)!)!.shape)
  const missingBy = new Map(missing.map((spec) => [spec.name, spec.shape]))
  const section = (title: string, items: string[], line: (item: string) => string) =>
    items.length === 0
      ? ''
      : `\n${title}:` +
        items
          .slice(0, shownLimit)
          .map((item) => `\n  ${line(item)}`)
          .join('') +
        (items.length > shownLimit ? `\n  .. and ${items.length - shownLimit} more` : '')
  return (
    `${source} does not fit the model: ${missing.length} missing, ${misfits.length} ill-fitting, ${refused.length} unexpected tensors.` +
    section('missing (wanted by the model)', [...missingBy.keys()], (name) => {
      const near = nearest(name, unexpected)
      return described(name, missingBy.get(name)!) + (near ? `   nearest there: ${there(near)}` : '')
    }) +
    section('ill-fitting', misfits, (line) => line) +
    section('unexpected (held by the checkpoint)', refused, (name) => {
      const near = nearest(name, missingBy.keys())
      return there(name) + (near ? `   nearest wanted: ${described(near, missingBy.get(near)!)}` : '')
    }) +
    '\nIf only the names differ, pass `names`: a list of [pattern, replacement].'
  )
}

function described(name: string, shape: number[]): string {
  return `${name} [${shape.join(', ')}]`.trimStart()
}
