/** The model that captions live video: `casa train recipes/live/run.ts`, after `pnpm --filter @casa-js/live start`. */
import { liveRun } from './src/variants.ts'

export default liveRun()
