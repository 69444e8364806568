/**
 * Re-exports core's seeded random generator for datasets. A separate entry point, so that workers load no
 * engine.
 */
export { createRandom, hashIntegers, hashText, permutation, type Random } from '@casa-js/core/random'
