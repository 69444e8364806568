/**
 * Goes on training the model of this folder: `casa train recipes/live/run-more.ts`. Clips of another seed, so none is seen again.
 */
import { liveRun } from './variants.ts'

export default { ...liveRun('casa', { folder: './model', seed: 100 }), out: '../../runs/live-more' }
