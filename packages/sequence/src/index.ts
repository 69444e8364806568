export {
  createSequence,
  runLayers,
  runPass,
  type AdvanceOptions,
  type LayerTap,
  type Prediction,
  type Sequence,
  type SequenceContents,
  type SequenceInput,
} from './sequence.ts'
export type { PlanUse } from './planned.ts'
