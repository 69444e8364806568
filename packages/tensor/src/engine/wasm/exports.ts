/** What the AssemblyScript module (packages/tensor/kernels) exports, by name. A test checks this list against the module. */
export const kernelNames = [
  ...(['matMul', 'matMulScratch', 'halfMatMul', 'halfMatMulGrad', 'halfMatMulScratch'] as const),
  ...(['quantizedMatMul', 'quantizedGrad', 'quantizedScratch', 'quantizedRows', 'quantizedRowsScratch'] as const),
  ...(['byteMatMul', 'byteMatMulScratch', 'bytePanels', 'bytePanelBytes', 'bytePanelScratch'] as const),
  ...(['byteGated', 'byteGatedScratch', 'byteRows', 'byteRowsScratch'] as const),
  ...(['roundRows', 'roundedBytes', 'roundedUnits'] as const),
  ...(['blockRows', 'blockRowsScratch', 'decompressBlockRows', 'decompressRows', 'widenBf16', 'widenF16'] as const),
  ...([
    'attention',
    'attentionScratch',
    'joinAttention',
    'attentionGrad',
    'attentionGradScratch',
    'ropeHalf',
    'ropeInterleaved',
  ] as const),
  ...(['rmsNorm', 'rmsNormGrad', 'layerNorm', 'layerNormGrad', 'columnSum', 'sumOfSquares', 'adamw', 'add'] as const),
  ...(['silu', 'siluGrad', 'swiglu', 'swigluGrad', 'gelu', 'geluGrad', 'crossEntropy', 'crossEntropyGrad'] as const),
  ...(['gatherRows', 'scatterRows', 'writeRows', 'copyBlocks', 'topK', 'argMax'] as const),
]

/** What walks lists of work (kernels/regions.ts). */
export const walkNames = ['runRegions', 'leadRegions', 'followRegions', 'waitForRegion', 'waitForSlices'] as const

/** Addresses, sizes and flags in; a size, or nothing, out. */
export type KernelModule = Record<(typeof kernelNames)[number] | (typeof walkNames)[number], (...args: number[]) => number>
