/** `casa train recipes/smollm2/run.ts`, after `pnpm --filter @casa-js/smollm2 start`. */
import { smollm2Run } from './variants.ts'

export default smollm2Run('every-3')
