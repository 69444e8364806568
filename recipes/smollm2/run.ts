/**
 * `casa train recipes/smollm2/run.ts`, after run-first.ts: all emoji, words of 3 to 8 letters, lines, charts and discs; lists, and turns
 * in which the question asks for a form of answer.
 */
import { albumRun } from './variants.ts'

export default albumRun('every-3')
