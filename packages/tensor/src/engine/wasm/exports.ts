/** What the AssemblyScript module (packages/tensor/kernels) exports, by name. A test checks this list against the module. */
export const kernelNames = [
  ...(['matMul', 'matMulScratch', 'halfMatMul', 'halfMatMulGrad', 'halfMatMulScratch'] as const),
  ...(['quantizedMatMul', 'quantizedGrad', 'quantizedScratch', 'quantizedRows', 'quantizedRowsScratch'] as const),
  ...(['byteMatMul', 'byteMatMulScratch', 'byteRows', 'byteRowsScratch'] as const),
  ...(['roundRows', 'roundedBytes', 'roundedUnits'] as const),
  ...(['blockRows', 'blockRowsScratch', 'decompressBlockRows', 'decompressRows', 'widenBf16', 'widenF16'] as const),
  ...(['attention', 'attentionScratch', 'attentionGrad', 'attentionGradScratch', 'ropeHalf', 'ropeInterleaved'] as const),
  ...(['rmsNorm', 'rmsNormGrad', 'layerNorm', 'layerNormGrad', 'columnSum', 'sumOfSquares', 'adamw', 'add'] as const),
  ...(['silu', 'siluGrad', 'swiglu', 'swigluGrad', 'gelu', 'geluGrad', 'crossEntropy', 'crossEntropyGrad'] as const),
  ...(['gatherRows', 'scatterRows', 'copyBytes', 'copyBlocks', 'topK', 'argMax'] as const),
]

/** Addresses, sizes and flags in; a size, or nothing, out. */
export type KernelModule = Record<(typeof kernelNames)[number], (...args: number[]) => number>
