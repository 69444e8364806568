/**
 * Goes on training the model of this folder: `casa train recipes/live/run-more.ts`. Clips of another seed, so none is seen again. The rate
 * falls from the start: at the full rate the model loses directions and silence first, and gains names only as it falls.
 */
import { liveRun } from './src/variants.ts'

export default {
  ...liveRun({ folder: './model', seed: 900 }),
  steps: 2000,
  schedule: { warmup: 20, cooldown: 1900 },
  out: '../../runs/live-more',
}
