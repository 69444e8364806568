/** Parses an untrusted study into the cells to run. */
import { ConfigError } from '@casa-js/base'
import { Fields } from '@casa-js/core'
import type { Level, RunPatch, StudyDefinition } from './define.ts'

/** One combination of levels, with one seed. */
export interface Cell {
  /** Such as "fusion=casa,task=words,seed=1". */
  key: string
  levels: Record<string, string>
  seed: number
  /** The run file's content. */
  run: Record<string, unknown>
  trainingFlops?: number
}

export interface StudyPlan {
  name: string
  question: string
  cells: Cell[]
  /** Factor -> its levels, in the author's order. */
  factors: Record<string, string[]>
  compare: string
  baseline: string
}

/**
 * Checks a study and lists its cells, seeds innermost: the first seed of everything comes before the second of anything, so that a
 * study that is cut short is still balanced.
 *
 * @param path name of the study in errors, e.g. "study.ts"
 * @throws ConfigError naming the first field that is wrong
 */
export function planStudy(json: unknown, path: string): StudyPlan {
  const f = new Fields(json, path)
  const known = ['name', 'question', 'run', 'factors', 'seeds', 'skip', 'compare', 'baseline']
  for (const field of Object.keys(json as object))
    if (!known.includes(field)) throw new ConfigError(f.at(field), `there is no such field; known are ${known.join(', ')}`)
  const study = json as StudyDefinition
  f.object('run')
  const factors = parseFactors(f.object('factors'), study.factors)
  const seeds = f.numbers('seeds')
  f.require(
    seeds.length > 0 && seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0) && new Set(seeds).size === seeds.length,
    'seeds',
    'expected different whole numbers',
  )
  const compare = f.string('compare', Object.keys(factors)[0])
  f.require(compare in factors, 'compare', `expected one of ${Object.keys(factors).join(', ')}`)
  const baseline = f.string('baseline', factors[compare]![0])
  f.require(factors[compare]!.includes(baseline), 'baseline', `expected a level of ${compare}: ${factors[compare]!.join(', ')}`)
  const skip = parseSkip(study.skip ?? [], factors, f)
  const cells = seeds.flatMap((seed) =>
    combinations(factors)
      .filter((levels) => !skip.some((left) => Object.entries(left).every(([factor, level]) => levels[factor] === level)))
      .map((levels) => cellOf(study, levels, seed)),
  )
  f.require(cells.length > 0, 'skip', 'it leaves out every cell')
  return { name: f.string('name'), question: f.string('question', ''), cells, factors, compare, baseline }
}

function parseFactors(f: Fields, factors: StudyDefinition['factors']): Record<string, string[]> {
  const names = Object.keys(factors)
  if (names.length === 0) throw new ConfigError(f.at('..'), 'expected at least one factor')
  return Object.fromEntries(
    names.map((factor) => {
      const levels = f.object(factor)
      const own = Object.keys(factors[factor]!)
      if (own.length === 0) throw new ConfigError(f.at(factor), 'expected at least one level')
      for (const name of [factor, ...own])
        if (!/^[\w.+-]+$/.test(name) || name === 'seed')
          throw new ConfigError(f.at(factor), `"${name}": names are letters, digits, ".", "+", "-" and "_"`)
      for (const level of own) {
        const fields = levels.object(level)
        for (const field of Object.keys(factors[factor]![level]!))
          if (field !== 'run' && field !== 'trainingFlops')
            throw new ConfigError(fields.at(field), 'there is no such field; known are run, trainingFlops')
        fields.object('run', { optional: true })
        if (fields.has('trainingFlops')) fields.number('trainingFlops')
      }
      return [factor, own]
    }),
  )
}

function parseSkip(skip: unknown, factors: Record<string, string[]>, f: Fields): Record<string, string>[] {
  f.require(Array.isArray(skip), 'skip', 'expected a list of { factor: level }')
  for (const [at, one] of (skip as Record<string, string>[]).entries())
    for (const [factor, level] of Object.entries(one))
      f.require(factors[factor]?.includes(level) === true, `skip.${at}.${factor}`, `there is no level "${level}" of it`)
  return skip as Record<string, string>[]
}

function combinations(factors: Record<string, string[]>): Record<string, string>[] {
  return Object.entries(factors).reduce<Record<string, string>[]>(
    (all, [factor, levels]) => all.flatMap((one) => levels.map((level) => ({ ...one, [factor]: level }))),
    [{}],
  )
}

function cellOf(study: StudyDefinition, levels: Record<string, string>, seed: number): Cell {
  const chosen: Level[] = Object.entries(levels).map(([factor, level]) => study.factors[factor]![level]!)
  const { out: _, ...base } = study.run
  const run = chosen.reduce<Record<string, unknown>>((merged, { run: patch = {} }) => merge(merged, patch), { ...base })
  const budget = chosen.findLast(({ trainingFlops }) => trainingFlops !== undefined)
  return {
    key: cellKey(levels, seed),
    levels,
    seed,
    run: { ...run, seed },
    ...(budget && { trainingFlops: budget.trainingFlops! }),
  }
}

/** The name of a cell, under which its result is stored and found again: its levels and seed. */
export function cellKey(levels: Readonly<Record<string, string>>, seed: number): string {
  return [...Object.entries(levels).map(([factor, level]) => `${factor}=${level}`), `seed=${seed}`].join(',')
}

/** Objects are merged field by field; anything else replaces what was there, and null takes it away. */
function merge(base: Record<string, unknown>, patch: RunPatch | Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base }
  for (const [field, value] of Object.entries(patch)) {
    const before = merged[field]
    if (value === null) delete merged[field]
    else if (isObject(before) && isObject(value)) merged[field] = merge(before, value)
    else merged[field] = value
  }
  return merged
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
