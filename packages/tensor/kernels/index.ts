/**
 * The kernel module: AssemblyScript that works in place on the tfjs heap.
 *
 * Rules for every file here: arguments are addresses and sizes; no static data (no strings, no array literals, no Math.* that
 * reads tables) and no allocation, for the memory belongs to tfjs; scratch memory comes from the caller. The build checks it.
 */
export { matMul, matMulScratch } from './matmul'
export * from './attention'
export { joinAttention } from './attention-few'
export * from './attention-gradient'
export * from './rows'
export * from './norms'
export * from './sums'
export * from './activations'
export * from './rope'
export * from './cross-entropy'
export * from './optimizer'
export * from './selection'
export { copyBlocks, widenBf16, widenF16 } from './halves'
export * from './quantized'
export { decompressBlockRows, decompressRows } from './widen'
export { blockRows, blockRowsScratch } from './blocks'
export { byteGated, byteGatedScratch } from './byte-gated'
export { byteMatMul, byteMatMulScratch, bytePanelBytes, bytePanels, bytePanelScratch, roundedBytes, roundedUnits, roundRows } from './byte-product'
export { byteRows, byteRowsScratch } from './byte-row'
export { quantizedRows, quantizedRowsScratch } from './quantized-row'
export { halfMatMul, halfMatMulGrad, halfMatMulScratch } from './half'
export { followRegions, leadRegions, runRegions, waitForRegion, waitForSlices } from './regions'
