/**
 * The held-out sets by which the shipped model is judged: fonts, words, lines, countries and the emoji style that training never
 * shows. Difficulty 0.5: half the rotation and flaws of the hardest training examples.
 */
import type { Dataset } from '@casa-js/core'
import { CasaError } from '@casa-js/base'
import { createReadingDataset, type Material, type TaskName } from '@casa-js/data'
import { loadMaterial } from './material.ts'

export const evaluatedTasks = ['word', 'line', 'emoji', 'second-image', 'chart'] as const satisfies TaskName[]
export type EvaluatedTask = (typeof evaluatedTasks)[number]

export interface HeldOutOptions {
  task: EvaluatedTask
  /** Examples. */
  count: number
  seed: number
}

/** The held-out set of one task, as run files name it. @throws CasaError for a task that is not evaluated. */
export default function createHeldOutDataset(options: HeldOutOptions): Dataset {
  if (!evaluatedTasks.includes(options.task)) {
    throw new CasaError(`held-out task "${options.task}" is not there; there are ${evaluatedTasks.join(', ')}`)
  }
  return heldOutOf(loadMaterial('heldOut'), options)
}

/** One dataset per task, each of `count` examples; words have 3 to 8 letters at 20 to 48 px. */
export function readerTasks({ count, seed }: Omit<HeldOutOptions, 'task'>): { task: EvaluatedTask; dataset: Dataset }[] {
  const material = loadMaterial('heldOut')
  return evaluatedTasks.map((task) => ({ task, dataset: heldOutOf(material, { task, count, seed }) }))
}

function heldOutOf(material: Material, { task, count, seed }: HeldOutOptions): Dataset {
  return createReadingDataset(material, {
    name: `held-out-${task}`,
    seed,
    length: count,
    difficulty: 0.5,
    letters: [3, 8],
    sizePx: [20, 48],
    tasks: { [task]: 1 },
  })
}
