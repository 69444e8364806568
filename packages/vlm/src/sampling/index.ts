export { captionSampling, createProcessors, tokenBias, type LogitsProcessor, type SamplingOptions } from './processors.ts'
export { emaRepetitionPenalty, noRepeatNgram, repetitionPenalty, type EmaPenaltyOptions } from './repetition.ts'
export { divideByTemperature, keepMinP, keepTopK, keepTopP, softmax } from './warpers.ts'
export { chooseToken, createSampler, likeliest, type Sampler } from './sampler.ts'
