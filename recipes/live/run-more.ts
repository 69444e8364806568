/**
 * Goes on training the model of this folder: `casa train recipes/live/run-more.ts`. Clips of another seed, so none is seen again.
 */
import { liveRun } from './variants.ts'

export default { ...liveRun({ folder: './model', seed: 400 }), out: '../../runs/live-more' }
