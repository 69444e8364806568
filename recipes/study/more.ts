/**
 * Two more tasks from the shipped reader, small enough for cells of a few minutes: counting discs, and bar charts of real numbers. The same
 * base run, seeds and reading of both budgets as in `reader.ts`.
 */
import { defineStudy } from '@casa-js/study'
import { fusions, readerRun, taskLevel } from './variants.ts'

const { none, insertion, ca, casa } = fusions
const size = { steps: 300, every: 100, count: 20_000 }

export default defineStudy({
  name: 'Counting and charts, from the shipped reader',
  question:
    'Do insertion, cross-attention and CASA differ where nothing has to be remembered or copied: counting, and reading bar charts?',
  // A chart is some 150 image tokens: with the budget of reader.ts an update would see three.
  run: { ...readerRun(), batch: { textTokens: 256, imageTokens: 1024 } },
  factors: {
    fusion: { none, insertion, ca, casa },
    task: { count: taskLevel('count', { ...size, examples: 100 }), chart: taskLevel('chart', { ...size, examples: 60 }) },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
