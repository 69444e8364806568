/** Vision-language models end to end: load, ask, converse, caption. */
export type { Chosen, Families, VlmConfig } from './config.ts'
export type { HiddenOptions, VlmModel } from './model.ts'
export {
  createModel,
  createVlm,
  loadModel,
  loadVlm,
  saveVlm,
  type LoadVlmOptions,
  type SaveOptions,
  type Vlm,
  type VlmFiles,
} from './load.ts'
export { compareLogits, measureDivergence, type Divergence, type DivergenceOptions } from './divergence.ts'
export { adapt, type AdaptOptions, type TrainingHints } from './adapt.ts'
export {
  createSession,
  type AppendOptions,
  type Session,
  type SessionImage,
  type SessionInput,
  type SessionOptions,
} from './session.ts'
export type { LayerAttention } from './attention-weights.ts'
export {
  answer,
  ask,
  askStreaming,
  createConversation,
  type AnswerEnd,
  type AskOptions,
  type Conversation,
  type ConversationOptions,
  type Generated,
  type GenerateOptions,
} from './conversation.ts'
export {
  captionSampling,
  createProcessors,
  createSampler,
  type EmaPenaltyOptions,
  type LogitsProcessor,
  type Sampler,
  type SamplerState,
  type SamplingOptions,
  type Shortlist,
} from './sampling/index.ts'
export {
  captionCues,
  captionDefaults,
  captionStream,
  captionVideo,
  type CaptionDefaults,
  type CaptionedFrame,
  type CaptionEvent,
  type CaptionOptions,
  type CaptionRun,
  type VideoFrame,
} from './captions/index.ts'
export { formatSrt, formatSrtTime, formatVtt, parseSrt, progressiveCues, progressiveSrt, type Cue } from './subtitles/index.ts'
