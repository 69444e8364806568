/** `casa train recipes/live/run-compared-ca.ts`: see variants.ts. */
import { comparedRun } from './variants.ts'

export default comparedRun('ca')
