/** The same question at the smallest size: 24 cells of some 150,000 parameters, for two cores. */
import { defineStudy } from '@casa-js/study'
import { baseRun, fusions, taskLevel } from './variants.ts'

const { none, insertion, ca, casa } = fusions

export default defineStudy({
  name: 'Insertion, cross-attention and CASA, from nothing, at the smallest size',
  question:
    'The paper claims that text among the keys lets cross-attention nearly reach token insertion (v1), or that cross-attention and CASA tie with insertion ahead (v2).',
  run: {
    ...baseRun({ width: 64, layers: 2 }),
    batch: { textTokens: 512, imageTokens: 512 },
    checkpoint: { every: 100, keep: 1 },
  },
  factors: {
    fusion: { none, insertion, ca, casa },
    task: {
      glyphs: taskLevel('glyphs', { steps: 600, every: 200, examples: 150 }),
      count: taskLevel('count', { steps: 300, every: 100, examples: 150 }),
    },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
