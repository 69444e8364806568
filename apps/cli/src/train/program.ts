/** The module loaded by workers of `casa train`: the run's program, with a loader for datasets in TypeScript. */
import './typescript.ts'

export { createProgram } from '@casa-js/train/node'
