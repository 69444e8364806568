/** What only the packages of casa-js need of each other. No promise is kept about it between versions. */
export { parseQFormerConfig, qFormerTensors, withQFormer, type QFormerConfig } from './q-former.ts'
