/** What only the packages of casa-js need of each other. No promise is kept about it between versions. */
export { parseVlmConfig } from './config.ts'
export { bindVlm } from './model.ts'
export { allTensors, withoutTiedHead } from './load.ts'
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
