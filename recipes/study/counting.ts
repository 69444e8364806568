/**
 * Counting discs as in `more.ts`, with the variants that it leaves out: Q-Former insertion, CA with positions, CASA shared, CASA instead of
 * every second self-attention, CASA with FFN updates. Insertion and CASA run again, as what they are paired with.
 */
import { defineStudy } from '@casa-js/study'
import { fusions, readerRun, taskLevel } from './variants.ts'

const { none: _none, ca: _ca, ...variants } = fusions

export default defineStudy({
  name: 'Counting, from the shipped reader: the other variants',
  question: 'What do positions, sharing, replacing, FFN updates and a Q-Former change where discs are counted?',
  run: { ...readerRun(), batch: { textTokens: 256, imageTokens: 1024 } },
  factors: {
    fusion: variants,
    task: { count: taskLevel('count', { steps: 300, every: 100, count: 20_000, examples: 100 }) },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
