/** What only the packages of casa-js need of each other. No promise is kept about it between versions. */
export { readInto } from './engine/read.ts'
export { timesClosed } from './engine/init.ts'
export { compressedForm, type CompressedForm } from './engine/compressed.ts'
export { rowsOf, sizeOf, type TypedArray } from './engine/tensor.ts'
export { columnSum } from './ops/column-sum/index.ts'
export { floatToHalf, halfToFloat } from './ops/widen/index.ts'
export { createQuantizedWeight, quantizedLinear, type QuantizedWeight } from './ops/quantized-linear/index.ts'
