export { runLayers, runPass, type LayerTap } from './pass.ts'
export {
  createSequence,
  type AdvanceOptions,
  type Prediction,
  type Sequence,
  type SequenceContents,
  type SequenceInput,
} from './sequence.ts'
export type { PlanUse } from './planned.ts'
