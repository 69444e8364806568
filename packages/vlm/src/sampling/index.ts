export { captionSampling, createProcessors, tokenBias, type LogitsProcessor, type SamplingOptions } from './processors.ts'
export { emaRepetitionPenalty, noRepeatNgram, repetitionPenalty, type EmaPenaltyOptions } from './repetition.ts'
export { minP, softmax, temperature, topK, topP } from './warpers.ts'
export { argmax, chooseToken, createSampler, type Sampler } from './sampler.ts'
