/**
 * The whole study: does text among the keys let cross-attention reach token insertion? Eight variants, five tasks, three seeds: 120 cells
 * from the shipped reader, 3.6 to 4.1 million parameters. One run serves both budgets, equal steps and equal training operations, since its
 * rate is constant. A cell of 800 updates of 256 text tokens takes some eight minutes of a core, all of them eight hours on two cores.
 *
 *     casa study recipes/study/study.ts --jobs 2
 *
 * `reader.ts` and `more.ts` are shorter looks at parts of it.
 */
import { defineStudy } from '@casa-js/study'
import { fusions, readerRun, taskLevel } from './variants.ts'

const { 'ca-rotary': _, ...eight } = fusions
const size = { steps: 800, every: 200, examples: 100, count: 20_000 }

export default defineStudy({
  name: 'Insertion, cross-attention and CASA: eight variants, five tasks',
  question:
    'The paper claims that text among the keys lets cross-attention nearly reach token insertion (v1), or that cross-attention and CASA tie with insertion ahead (v2).',
  run: { ...readerRun(), batch: { textTokens: 256, imageTokens: 1024 } },
  factors: {
    fusion: eight,
    task: {
      'small-words': taskLevel('small-words', { ...size, letters: [3, 5] }),
      mixed: taskLevel('mixed', { ...size, names: 3 }),
      chart: taskLevel('chart', size),
      'n-back': taskLevel(['back-1', 'back-2', 'back-3', 'back-4'], size),
      count: taskLevel('count', size),
    },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
