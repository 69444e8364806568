/** @casa-js/study: experiments as data. Running them on this machine: @casa-js/study/node. */
export { defineStudy, type Level, type RunPatch, type StudyDefinition } from './define.ts'
export { cellKey, planStudy, type Cell, type StudyPlan } from './plan.ts'
export { runStudy, type StudyOptions } from './run-study.ts'
export { accuracyOf, type CellCosts, type CellResult, type CellStore, type CurvePoint } from './results.ts'
export { countFlops, countMemory, countPass, type MemoryCosts, type PassCosts } from './costs.ts'
export { exactMcNemar, meanWithInterval, pairedTest, type Mean, type PairedTest } from './statistics.ts'
export { formatStudy, summariseStudy, type StudySummary, type VariantRow } from './summary.ts'
export { studyReport } from './report.ts'
