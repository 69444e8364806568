/** Tensors that hold several of a model's, one after another along their rows: queries, keys and values, or the inputs of a gated layer. */
import { similarity } from './similarity.ts'
import { moduleOf, type Template } from './templates.ts'

export interface Fused {
  found: Template
  /** In the order of their rows. */
  parts: Template[]
  isGuess: boolean
}

/** The wanted tensors that published checkpoints store together, in that order. */
const together = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['gate_proj', 'up_proj'],
]

/**
 * Finds what is stored together among what is left on both sides, and takes it out of both.
 *
 * @param modules those known to belong together: of the model -> of the checkpoint. New ones are added.
 */
export function findFused(wanted: Set<Template>, found: Set<Template>, modules: Map<string, string>): Fused[] {
  const fused: Fused[] = []
  for (const [first, ...others] of together)
    for (const head of [...wanted].filter(({ name }) => name.split('.').at(-2) === first)) {
      const parts = [first!, ...others].map((word) => [...wanted].find(({ name }) => name === swapped(head.name, word)))
      if (parts.some((part) => !part)) continue
      const fits = [...found].filter((candidate) => holdsAll(candidate, parts as Template[]))
      if (fits.length === 0) continue
      const score = (candidate: Template): number =>
        (modules.get(moduleOf(head.name)) === moduleOf(candidate.name) ? 2 : 0) + similarity(head.name, candidate.name)
      const [best, rival] = fits.toSorted((a, b) => score(b) - score(a))
      fused.push({ found: best!, parts: parts as Template[], isGuess: rival !== undefined && score(rival) >= score(best!) })
      if (!modules.has(moduleOf(head.name))) modules.set(moduleOf(head.name), moduleOf(best!.name))
      found.delete(best!)
      for (const part of parts) wanted.delete(part!)
    }
  return fused
}

/** "a.q_proj.weight" with another word before the last. */
function swapped(name: string, word: string): string {
  const parts = name.split('.')
  parts[parts.length - 2] = word
  return parts.join('.')
}

/** Whether a tensor of the same numbers has the rows of all parts, and their columns. */
function holdsAll(candidate: Template, parts: readonly Template[]): boolean {
  const [first] = parts
  if ([...candidate.members.keys()].join() !== [...first!.members.keys()].join()) return false
  return [...candidate.members].every(([key, { shape }]) => {
    const shapes = parts.map(({ members }) => members.get(key)?.shape)
    const rows = shapes.reduce((sum, one) => sum + (one?.[0] ?? NaN), 0)
    return shape[0] === rows && shapes.every((one) => one?.slice(1).join() === shape.slice(1).join())
  })
}
