/** `casa train recipes/live/run-insertion.ts`: see run.ts. */
import { liveRun } from './variants.ts'

export default liveRun('insertion')
