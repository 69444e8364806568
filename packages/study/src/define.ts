/** A study as written by its author: plain data, a base run and what varies in it. */
import type { RunDefinition } from '@casa-js/train'

/** Fields of a run that a level sets: merged into the base run, objects field by field. */
export type RunPatch = { [K in keyof RunDefinition]?: unknown }

/** One value of a factor. */
export interface Level {
  /** What it changes in the run. */
  run?: RunPatch
  /** Train for this many floating-point operations instead of `steps`. They are counted on the first batches, forward and backward. */
  trainingFlops?: number
}

export interface StudyDefinition {
  name: string
  /** The question, in a sentence or two; shown at the top of the report. */
  question?: string
  /** The base run. Its `out` and `seed` are the study's. */
  run: RunDefinition
  /** Factor -> level -> what it changes. Every combination is a cell. */
  factors: Record<string, Record<string, Level>>
  /** Seeds of weights and of the order of the data: each cell is run with every one. */
  seeds: number[]
  /** Cells to leave out: those that have all of the named levels. */
  skip?: Record<string, string>[]
  /** The factor whose levels are compared with each other; the first unless given. */
  compare?: string
  /** The level that the others are tested against; the first of `compare` unless given. */
  baseline?: string
}

/** Type helper for a study.ts: `export default defineStudy({ ... })`. */
export function defineStudy(study: StudyDefinition): StudyDefinition {
  return study
}
