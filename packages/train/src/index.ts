/** @casa-js/train: the parts of training that run on any platform. Runs with workers and checkpoints: @casa-js/train/node. */
export { AbortedError, CheckpointError, DivergedError, MpiError, RankLostError } from './errors.ts'
export type { CheckpointEvent, EndEvent, EvaluatingEvent, EvaluationEvent, RunEvent, StartEvent, StepEvent } from './events.ts'
export { adaptation, fromScratch, groupWeights, type GroupRule, type TrainedWeight } from './groups.ts'
export { scheduleFactor, type Schedule } from './schedule.ts'
export { Adamw, type AdamwOptions, type AdamwState } from './optimizer.ts'
export type { DataFacts, Evaluation, HeldOut, Program, ProgramContext, ProgramModule, ReportAnswered, Share } from './program.ts'
export { trainStep, type StepContext, type StepResult } from './step.ts'
export { runLoop, type EvaluationPart, type LoopContext, type LoopEvent, type LoopOptions } from './loop.ts'
export type { CheckpointContent, CheckpointStore, Restored, RunConfig } from './checkpoint/content.ts'
export { solo, type Collective, type GradientSum } from './parallel/collective.ts'
export {
  defineRun,
  type DatasetReference,
  type EvaluateDefinition,
  type FeatureCacheDefinition,
  type JsonlReference,
  type ModelReference,
  type ModuleReference,
  type RunDefinition,
  type ShardsReference,
  type TokenizerReference,
} from './run/define.ts'
export { parseRun, type ParsedRun } from './run/parse.ts'
export { trainVlm, type TrainVlmOptions } from './run/train-vlm.ts'
