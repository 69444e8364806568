/**
 * Tensors and the operators on them, with gradients, on WebGPU, wasm and cpu.
 * Every name is exported individually, so that bundlers skip modules (and wasm files) that a program does not use.
 */
export type { DType, Tensor } from './engine/tensor.ts'
export { DeviceLostError, DeviceUnavailableError, OutOfMemoryError } from '@casa-js/base'
export { close, init, report, type DeviceName, type DeviceReport, type InitOptions } from './engine/init.ts'
export { dispose, keep, memory, scope, withoutLeaks, type MemoryUse } from './engine/scope.ts'
export { shapeOf } from './engine/compressed.ts'
export { observeKernels, type KernelCall } from './engine/kernel.ts'
export { block, noGrad, record, share, type Backward } from './engine/tape.ts'
export { streamGradients, valueAndGradients, type StreamOptions, type ValueAndGradients } from './engine/backward-pass.ts'

export { fill, tensor, zeros } from './ops/create/index.ts'
export { add, mean, multiply, scale, subtract, sum, tanh } from './ops/elementwise/index.ts'
export { clone, concat, reshape, slice, transpose } from './ops/shape/index.ts'
export { matMul, type MatMulOptions } from './ops/matmul/index.ts'
export { linear } from './ops/linear/index.ts'
export { attention, type AttentionOptions } from './ops/attention/index.ts'
export {
  createCompressedQuantizedWeight,
  createCompressedWeight,
  decompressRows,
  decompressWeight,
} from './ops/compressed/index.ts'
export { createCompressedBlocks } from './ops/block-linear/index.ts'
export { embedding, type EmbeddingOptions } from './ops/embedding/index.ts'
export { gatherRows } from './ops/gather-rows/index.ts'
export { scatterRows } from './ops/scatter-rows/index.ts'
export { addRmsNorm, rmsNorm, type NormOptions } from './ops/rms-norm/index.ts'
export { layerNorm } from './ops/layer-norm/index.ts'
export { inverseFrequencies, rope, ropeTable, type RopeOptions, type RopeTable, type RopeTableOptions } from './ops/rope/index.ts'
export { swiglu } from './ops/swiglu/index.ts'
export { gatedLinear, type LinearLayer } from './ops/gated-linear/index.ts'
export { silu } from './ops/silu/index.ts'
export { gelu, type GeluOptions } from './ops/gelu/index.ts'
export { crossEntropy } from './ops/cross-entropy/index.ts'
export { linearCrossEntropy, type LinearCrossEntropyOptions } from './ops/cross-entropy/linear.ts'
export { adamwStep, type AdamWSettings, type AdamWTensors } from './ops/adamw/index.ts'
export { globalNorm } from './ops/global-norm/index.ts'
export { writeRows } from './ops/write-rows/index.ts'
export { topK } from './ops/top-k/index.ts'
export { argmax } from './ops/argmax/index.ts'
export { joinHalves, widenBf16, widenF16 } from './ops/widen/index.ts'
export { dequantize, quantize, type QuantizationOptions, type QuantizedMatrix } from './ops/quantized-linear/index.ts'
