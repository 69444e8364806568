/**
 * A control of `reader.ts`: there the encoder is frozen whole, so that insertion has no projector that trains, while cross-attention and
 * CASA have key and value projections of their own. Here the encoder's last layer, the projector, trains too.
 */
import { defineStudy } from '@casa-js/study'
import { fusions, readerRun, taskLevel } from './variants.ts'

const { insertion, casa } = fusions
const back = taskLevel(['back-0', 'back-1', 'back-2'], { steps: 400, every: 100, examples: 100, count: 20_000, pictures: 3 })

export default defineStudy({
  name: 'Insertion and CASA, with a projector that trains',
  run: { ...readerRun(), freeze: ['vision.stem.*', 'vision.embed.*', 'vision.blocks.*'] },
  factors: { fusion: { insertion, casa }, task: { 'n-back': back } },
  seeds: [1, 2, 3],
  baseline: 'insertion',
})
