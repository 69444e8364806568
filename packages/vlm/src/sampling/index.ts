export { captionSampling, createProcessors, tokenBias, type LogitsProcessor, type SamplingOptions } from './processors.ts'
export { emaRepetitionPenalty, noRepeatNgram, repetitionPenalty, type EmaPenaltyOptions } from './repetition.ts'
export { divideByTemperature, keepMinP, keepTopK, keepTopP, softmax } from './warpers.ts'
export { checkChoice, chooseToken, createSampler, likeliest, type Sampler, type SamplerState, type Shortlist } from './sampler.ts'
