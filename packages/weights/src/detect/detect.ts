/**
 * Finds out what a checkpoint's tensors are, whatever they are called: from their shapes, their numbering and what stands beside them.
 *
 * Wanted and found tensors are compared as templates (templates.ts), first by their whole surroundings, then by less and less of them, so
 * that a module that was moved elsewhere is still found. What shapes cannot tell apart (queries and outputs of a square layer, keys and
 * values, the two inputs of a gated layer) is decided by the nearest name, and said to be a guess where names do not tell either.
 */
import type { TensorTable } from '@casa-js/core'
import { findFused, type Fused } from './fused.ts'
import { similarity } from './similarity.ts'
import { moduleOf, templatesOf, type Template, type Tensors } from './templates.ts'

export interface Pair {
  wanted: Template
  found: Template
  /** Neither shapes nor names could tell: another tensor of the same shape would fit as well. */
  isGuess: boolean
}

export interface Detection {
  pairs: Pair[]
  /** Tensors of the checkpoint that hold several of the wanted ones, rows after rows, such as fused queries, keys and values. */
  fused: Fused[]
  /** Wanted by the model, and not found. */
  missing: Template[]
  /** In the checkpoint, and not explained. */
  unexplained: Template[]
}

/**
 * Pairs the tensors that a model wants with those of a checkpoint.
 *
 * @param table names and shapes that the model wants
 * @param entries names and shapes of the checkpoint
 */
export function detectTensors(table: TensorTable, entries: Tensors): Detection {
  const wanted = new Set(templatesOf(new Map(table.map(({ name, shape }) => [name, { shape }]))))
  const found = new Set(templatesOf(entries))
  const matcher = new Matcher(wanted, found)
  const deepest = Math.max(...[...wanted].map(({ places }) => places.length))
  const matchAll = (): void => {
    for (let depth = deepest; depth >= 1; depth--) matcher.matchAt(depth)
  }
  matchAll()
  // Among what is left: a fused tensor changes its module, so that what stands beside it is only found after it.
  const fused = findFused(wanted, found, matcher.modules)
  if (fused.length > 0) matchAll()
  return { pairs: matcher.pairs, fused, missing: [...wanted], unexplained: [...found] }
}

class Matcher {
  readonly pairs: Pair[] = []
  /** Modules that belong together: of the model -> of the checkpoint. */
  readonly modules = new Map<string, string>()

  constructor(
    private readonly wanted: Set<Template>,
    private readonly found: Set<Template>,
  ) {}

  /** Pairs what is alike up to so many modules around it, where both sides hold equally many of it. */
  matchAt(depth: number): void {
    const groups = new Map<string, { wanted: Template[]; found: Template[] }>()
    const put = (side: 'wanted' | 'found', template: Template): void => {
      if (template.places.length < depth) return
      const key = template.places.slice(0, depth).join('\n')
      const group = groups.get(key) ?? { wanted: [], found: [] }
      group[side].push(template)
      groups.set(key, group)
    }
    for (const template of this.wanted) put('wanted', template)
    for (const template of this.found) put('found', template)
    const even = [...groups.values()].filter((group) => group.wanted.length === group.found.length)
    // Where there is no choice first: it says which modules belong together.
    for (const group of even.toSorted((a, b) => a.wanted.length - b.wanted.length)) this.matchGroup(group)
  }

  private matchGroup(group: { wanted: Template[]; found: Template[] }): void {
    const wanted = new Set(group.wanted)
    const found = new Set(group.found)
    while (wanted.size > 0) {
      const scored = [...wanted].flatMap((one) => [...found].map((other) => ({ one, other, score: this.score(one, other) })))
      const best = scored.reduce((most, pair) => (pair.score > most.score ? pair : most))
      const rivals = scored.filter(({ one, other }) => (one === best.one) !== (other === best.other))
      const isGuess = rivals.some(({ score }) => score >= best.score)
      this.pair(best.one, best.other, isGuess)
      wanted.delete(best.one)
      found.delete(best.other)
    }
  }

  /** How well two templates of one shape fit: their modules above all, then their names. */
  private score(one: Template, other: Template): number {
    const [home, place] = [moduleOf(one.name), moduleOf(other.name)]
    const linked = this.modules.get(home)
    const isTaken = [...this.modules.values()].includes(place)
    const together = linked === place ? 2 : linked !== undefined || isTaken ? -2 : 0
    return together + similarity(one.name, other.name)
  }

  private pair(wanted: Template, found: Template, isGuess: boolean): void {
    this.pairs.push({ wanted, found, isGuess })
    const home = moduleOf(wanted.name)
    if (!this.modules.has(home)) this.modules.set(home, moduleOf(found.name))
    this.wanted.delete(wanted)
    this.found.delete(found)
  }
}
