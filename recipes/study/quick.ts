/** The same study at the smallest size: 24 cells of about 100,000 parameters, for two busy cores. */
import { defineStudy } from '@casa-js/study'
import { baseRun, fusions, taskLevel } from './variants.ts'

const { none, insertion, ca, casa } = fusions

export default defineStudy({
  name: 'Insertion, cross-attention and CASA, from nothing, at the smallest size',
  question:
    'The paper claims that text among the keys lets cross-attention nearly reach token insertion (v1), or that cross-attention and CASA tie with insertion ahead (v2).',
  run: {
    ...baseRun({ width: 32, layers: 2 }),
    batch: { textTokens: 256, imageTokens: 256 },
    checkpoint: { every: 200, keep: 1 },
  },
  factors: {
    fusion: { none, insertion, ca, casa },
    task: {
      glyphs: taskLevel('glyphs', { steps: 400, every: 200, examples: 100 }),
      count: taskLevel('count', { steps: 400, every: 200, examples: 100 }),
    },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
