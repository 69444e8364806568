/**
 * The model that captions live video: `casa train recipes/live/run.ts`, after `pnpm --filter @casa-js/live start` has made what it
 * starts from. The other run files beside this one train what it is compared with.
 */
import { liveRun } from './variants.ts'

export default liveRun('casa')
