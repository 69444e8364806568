/** `casa train recipes/live/run-compared-insertion.ts`: see variants.ts. */
import { comparedRun } from './variants.ts'

export default comparedRun('insertion')
