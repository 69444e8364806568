/** Shared between the packages of casa-js only. It may change in any version. */
export { readInto } from './engine/read.ts'
export { isDifferentiating } from './engine/tape.ts'
export { timesClosed } from './engine/init.ts'
export { compressedForm, type CompressedForm } from './engine/compressed.ts'
export { rowsOf, sizeOf, type TypedArray } from './engine/tensor.ts'
export { columnSum } from './ops/column-sum/index.ts'
export { floatToHalf, halfToFloat } from './ops/widen/index.ts'
export { createQuantizedWeight, quantizedLinear, type QuantizedWeight } from './ops/quantized-linear/index.ts'
export {
  canPlan,
  createPlan,
  largestIn,
  likeliestIn,
  NoPlan,
  traceStep,
  type Counters,
  type Largest,
  type Plan,
  type StepTrace,
} from './plan/index.ts'
