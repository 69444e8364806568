/** For the other casa-js packages only. Not public API; may change at any time. */
export { withoutAlpha } from './alpha.ts'
export { animationFrames, type AnimationFrame } from './animation.ts'
export { acceptedFormats, sniff } from './format.ts'
export { readBytes } from '#platform'
export type { ReadOptions } from './read-bytes.ts'
export { planEncoder, type PlannedEncoder } from './encoders/planned-encoder.ts'
