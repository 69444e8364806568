/** `casa train recipes/live/run-compared-casa.ts`: see variants.ts. */
import { comparedRun } from './variants.ts'

export default comparedRun('casa')
