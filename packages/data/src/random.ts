/**
 * Seeded randomness is core's; datasets and readers of them import it from here too. Its own entry, so that workers load no
 * engine.
 */
export { createRandom, hashIntegers, hashText, permutation, type Random } from '@casa-js/core/random'
