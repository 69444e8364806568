/**
 * The same question, from the shipped reader: its language model and its frozen encoder, the same for all, and new layers that start
 * from self-attention. The reader was trained with CASA layers, which are left out; whether that favours them is what
 * `start=encoder` asks, where the language model is fresh. Cells of a few minutes: 3.6 to 4.1 million parameters, 1.8 to 2.4 million
 * of which train. One run serves both budgets, equal steps and equal training operations, since its rate is constant.
 *
 * The first answer is what docs/study reports:
 *
 *     casa study recipes/study/reader.ts --only start=reader task=n-back task=mixed fusion=none fusion=insertion fusion=ca fusion=casa
 */
import { defineStudy } from '@casa-js/study'
import { fusions, readerRun, taskLevel } from './variants.ts'

const size = { steps: 400, every: 100, examples: 100, count: 20_000 }

export default defineStudy({
  name: 'Insertion, cross-attention and CASA, from the shipped reader',
  question:
    'The paper claims that text among the keys lets cross-attention nearly reach token insertion (v1), or that cross-attention and CASA tie with insertion ahead (v2).',
  run: readerRun(),
  factors: {
    fusion: fusions,
    task: {
      'n-back': taskLevel(['back-0', 'back-1', 'back-2'], { ...size, pictures: 3 }),
      mixed: taskLevel('mixed', { ...size, steps: 600, every: 150, names: 3 }),
      words: taskLevel('small-words', { ...size, letters: [3, 5], sizePx: [14, 20] }),
    },
    start: { reader: {}, encoder: { run: { model: { from: { match: ['vision.*'] } } } } },
  },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
