/** `casa train recipes/live/run-compared-blind.ts`: see variants.ts. */
import { comparedRun } from './variants.ts'

export default comparedRun('blind')
