/** Shared by casa-js packages only: 16-bit floats and the quantisers. May change in any release. */
export * from './half.ts'
export * from './quantize.ts'
