export {
  createSequence,
  runLayers,
  runPass,
  type AdvanceOptions,
  type LayerTap,
  type Sequence,
  type SequenceContents,
  type SequenceInput,
} from './sequence.ts'
