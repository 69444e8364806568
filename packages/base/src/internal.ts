/** What only our own packages share: 16-bit floats and the quantisers. It may change in any release. */
export * from './half.ts'
export * from './quantize.ts'
