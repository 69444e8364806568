/** Shared between the packages of casa-js only. It may change in any version. */
export {
  complete,
  createKeptConversations,
  createStopText,
  type CompleteOptions,
  type Completion,
  type KeptConversations,
  type StopText,
  type Turn,
} from './answers/index.ts'
export { parseVlmConfig } from './config.ts'
export { bindVlm, encoderTensors } from './model.ts'
export { inferModel, type InferOptions, type InferredModel } from './infer-config.ts'
export { nextTask } from './next-task.ts'
export { allTensors, withFiles, withoutTiedHead } from './load.ts'
export { decodeSession, encodeSession } from './session-file.ts'
export {
  divideByTemperature,
  emaRepetitionPenalty,
  keepMinP,
  keepTopK,
  keepTopP,
  likeliest,
  noRepeatNgram,
  repetitionPenalty,
  softmax,
  tokenBias,
} from './sampling/index.ts'
