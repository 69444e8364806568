/**
 * Goes on training the model of this folder: `casa train recipes/live/run-more.ts`. Clips of another seed, so none is seen again. The rate
 * falls from the start: at the full rate the model loses directions and silence first, and gains names only as it falls.
 */
import { liveRun } from './src/variants.ts'

export default {
  ...liveRun({ folder: './model', seed: 1700 }),
  steps: 11_000,
  schedule: { warmup: 50, cooldown: 10_900 },
  out: '../../runs/live-more',
}
