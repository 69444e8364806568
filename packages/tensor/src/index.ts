export * from './engine/tensor.ts'
export * from './engine/scope.ts'
export * from './engine/tape.ts'
