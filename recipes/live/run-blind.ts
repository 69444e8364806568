/** `casa train recipes/live/run-blind.ts`: see run.ts. */
import { liveRun } from './variants.ts'

export default liveRun('blind')
