/** `casa train recipes/smollm2/run-first.ts`, after `pnpm --filter @casa-js/smollm2 start`: a closed set of things, 100 pictures per update. */
import { firstRun } from './variants.ts'

export default firstRun('every-3')
