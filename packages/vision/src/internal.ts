/** What other packages of casa-js need and nobody else: no public API, and no promise that it stays. */
export { animationFrames, type AnimationFrame } from './animation.ts'
export { acceptedFormats, sniff } from './format.ts'
export { readBytes } from '#platform'
export type { ReadOptions } from './read-bytes.ts'
