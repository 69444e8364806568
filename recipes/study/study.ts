/**
 * Does text among the keys let cross-attention reach token insertion? Eight variants, seven tasks, three seeds, once at equal steps
 * and once at equal training operations: 336 cells of about a million parameters. `--only` runs a part of them.
 */
import { defineStudy } from '@casa-js/study'
import type { StudyTask } from './src/dataset.ts'
import { baseRun, fusions, taskLevel } from './variants.ts'

const size = { steps: 6000, every: 500, examples: 400 }
const back: StudyTask[] = ['back-1', 'back-2', 'back-3', 'back-4']

export default defineStudy({
  name: 'Insertion, cross-attention and CASA, from nothing',
  question:
    'The paper claims that text among the keys lets cross-attention nearly reach token insertion (v1), or that cross-attention and CASA tie with insertion ahead (v2).',
  run: baseRun({ width: 128, layers: 4 }),
  factors: {
    fusion: fusions,
    task: {
      'small-words': taskLevel('small-words', size),
      mixed: taskLevel('mixed', size),
      chart: taskLevel('chart', size),
      'n-back': taskLevel(back, size),
      count: taskLevel('count', size),
      glyphs: taskLevel('glyphs', { ...size, steps: 2000 }),
      'all-at-once': taskLevel(['small-words', 'mixed', 'chart', ...back, 'count'], { ...size, steps: 12_000 }),
    },
    budget: { steps: {}, flops: { trainingFlops: 3e13 } },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
