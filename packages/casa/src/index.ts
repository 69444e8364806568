/** Fusions, the ways in which image tokens reach a language model: CASA and its variants, and the baselines. */
export { casa } from './casa.ts'
export type { CasaConfig } from './config.ts'
export { fusionFamilies, findFusionFamily } from './families.ts'
export { insertion, planInsertion, type InsertionPlan } from './insertion.ts'
export { none } from './none.ts'
export { planWindows, windowSpans, type WindowRule, type Windows, type WindowSpan } from './windows.ts'
