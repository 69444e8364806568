/** Shared between the packages of casa-js only. It may change in any version. */
export { parseQFormerConfig, qFormerTensors, withQFormer, type QFormerConfig } from './q-former.ts'
