/** `casa train recipes/live/run-ca.ts`: see run.ts. */
import { liveRun } from './variants.ts'

export default liveRun('ca')
