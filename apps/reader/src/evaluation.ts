/**
 * The held-out sets by which the shipped model is judged: fonts, words, lines, countries and the emoji style that training never
 * shows. Difficulty 0.5: half the rotation and flaws of the hardest training examples.
 */
import type { Dataset } from '@casa-js/core'
import { createReadingDataset, type TaskName } from '@casa-js/data'
import { loadMaterial } from './material.ts'

export const evaluatedTasks = ['word', 'line', 'emoji', 'second-image', 'chart'] as const satisfies TaskName[]

/** One dataset a task, each of `count` examples; words have 3 to 8 letters at 20 to 48 px. */
export function readerTasks({ count, seed }: { count: number; seed: number }): { task: TaskName; dataset: Dataset }[] {
  const material = loadMaterial('heldOut')
  return evaluatedTasks.map((task) => ({
    task,
    dataset: createReadingDataset(material, {
      name: `held-out-${task}`,
      seed,
      length: count,
      difficulty: 0.5,
      letters: [3, 8],
      sizePx: [20, 48],
      tasks: { [task]: 1 },
    }),
  }))
}
