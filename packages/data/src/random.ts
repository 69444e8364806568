/** Seeded randomness is core's; datasets and readers of them import it from here too. */
export { createRandom, hashIntegers, hashText, permutation, type Random } from '@casa-js/core'
