/**
 * An endless dataset of reading and naming tasks. Example `index` depends on (seed, index) and the material alone. With a ramp
 * the curriculum moves from glyphs and short words to long words, lines, two pictures and charts, with more and more flaws.
 */
import { CasaError } from '@casa-js/base'
import type { Dataset } from '@casa-js/core'
import { createRandom, type Random } from '../random.ts'
import type { Material } from './material.ts'
import { taskNames, tasks, type TaskName, type TaskRules, type WordShelf } from './tasks.node.ts'

/**
 * Difficulty rises linearly over the first `over` examples, then stays. A quarter of the examples stay easier, so that nothing is
 * forgotten.
 */
export interface Ramp {
  from: number
  to: number
  over: number
}

export interface ReadingOptions extends Partial<TaskRules> {
  /** Part of every example's id, e.g. "train". */
  name: string
  seed: number
  /** Default Infinity. */
  length?: number
  /** 0..1, one for all or a ramp. Default 0.5. */
  difficulty?: number | Ramp
  /** Share of each task (any positive numbers). Default: by difficulty, see `defaultShares`. */
  tasks?: Partial<Record<TaskName, number>>
}

/** Shares of the tasks at a difficulty: glyphs become rarer, lines start at 0.2, second pictures at 0.1, charts at 0.4; nothing is counted. */
export function defaultShares(difficulty: number): Record<TaskName, number> {
  const grow = (start: number, end: number) => start + (end - start) * difficulty
  const after = (start: number, full: number) => full * Math.min(1, Math.max(0, (difficulty - start) / 0.3))
  return {
    glyph: grow(0.5, 0.04),
    word: grow(0.35, 0.4),
    line: after(0.2, 0.18),
    emoji: grow(0.15, 0.2),
    'second-image': after(0.1, 0.14),
    chart: after(0.4, 0.08),
    count: 0,
  }
}

/**
 * A dataset of drawn examples, endless unless `length` is given. Examples are drawn on request.
 *
 * @throws CasaError when the material lacks what an asked task needs, or an option is out of range
 */
export function createReadingDataset(material: Material, options: ReadingOptions): Dataset {
  const { name, seed, length = Infinity, difficulty = 0.5 } = options
  const rules: TaskRules = {
    letters: options.letters,
    lowerCase: options.lowerCase,
    sizePx: options.sizePx ?? [20, 48],
    maxWidthPx: options.maxWidthPx ?? 256,
    stepPx: options.stepPx ?? 16,
  }
  checkMaterial(material, options)
  const words = shelve(material.words)

  return {
    name,
    length,
    async get(index) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= length) {
        throw new CasaError(`dataset ${name}: index ${index} is outside 0..${length - 1}`)
      }
      const random = createRandom(seed, index)
      const level = levelAt(difficulty, index, random)
      const task = drawTask(options.tasks ?? defaultShares(level), random)
      const messages = await tasks[task]({ material, words, rules, difficulty: level, random })
      return { id: `${name}-${seed}-${index}`, task, messages }
    },
  }
}

function shelve(words: string[]): WordShelf {
  const byLength = new Map<number, string[]>()
  for (const word of words) {
    const shelf = byLength.get(word.length)
    if (shelf) shelf.push(word)
    else byLength.set(word.length, [word])
  }
  const lengths = [...byLength.keys()]
  return {
    ofAbout: (letters) =>
      byLength.get(letters) ??
      byLength.get(lengths.reduce((best, length) => (Math.abs(length - letters) < Math.abs(best - letters) ? length : best)))!,
  }
}

function levelAt(difficulty: number | Ramp, index: number, random: Random): number {
  if (typeof difficulty === 'number') return difficulty
  const { from, to, over } = difficulty
  const top = from + (to - from) * Math.min(1, index / over)
  return random.chance(0.25) ? random.between(Math.min(from, top), top) : top
}

function drawTask(shares: Partial<Record<TaskName, number>>, random: Random): TaskName {
  const total = taskNames.reduce((sum, task) => sum + (shares[task] ?? 0), 0)
  let left = random.between(0, total)
  for (const task of taskNames) {
    left -= shares[task] ?? 0
    if (left < 0) return task
  }
  return taskNames.findLast((task) => shares[task])!
}

const needs: Record<TaskName, (keyof Material)[]> = {
  glyph: ['fonts'],
  word: ['fonts', 'words'],
  line: ['fonts', 'lines'],
  emoji: ['emoji'],
  'second-image': ['fonts', 'words', 'emoji'],
  chart: ['fonts', 'tables'],
  count: [],
}

function checkMaterial(material: Material, { name, tasks: shares, difficulty = 0.5 }: ReadingOptions) {
  const levels = typeof difficulty === 'number' ? [difficulty] : [difficulty.from, difficulty.to]
  if (!levels.every((level) => level >= 0 && level <= 1)) {
    throw new CasaError(`dataset ${name}: difficulty must lie in 0..1, got ${levels.join(' to ')}`)
  }
  for (const [task, share] of Object.entries(shares ?? {})) {
    if (!taskNames.includes(task as TaskName)) {
      throw new CasaError(`dataset ${name}: there is no task "${task}"; there are ${taskNames.join(', ')}`)
    }
    if (!(share >= 0)) throw new CasaError(`dataset ${name}: the share of task "${task}" must not be negative, got ${share}`)
  }
  const asked = taskNames.filter((task) => (shares ? (shares[task] ?? 0) > 0 : true))
  if (asked.length === 0) throw new CasaError(`dataset ${name}: every task has a share of 0; give one a share`)
  const holds: Record<keyof Material, boolean> = {
    fonts: material.fonts.length > 0,
    words: material.words.length > 0,
    lines: material.lines.length > 0,
    emoji: material.emoji.names.length > 0 && material.emoji.styles.length > 0,
    tables: material.tables.length > 0,
  }
  for (const task of asked) {
    const missing = needs[task].find((part) => !holds[part])
    if (missing) throw new CasaError(`dataset ${name}: task "${task}" needs ${missing}, of which the material has none`)
  }
}
