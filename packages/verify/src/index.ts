/** Known answers: what PyTorch and the other originals computed, recomputed on this device and compared. */
export { worstCheck, type Check } from './compare.ts'
export { findGoldens, type GoldenFolder, type GoldenKind } from './find.ts'
export { goldensAt, type GoldenTree } from './tree.ts'
export { verifyGoldens, type GoldenCheck, type VerifyEvent, type VerifyOptions } from './verify.ts'
