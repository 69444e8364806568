/**
 * The front door: what most programs need to load a vision-language model, ask it, talk with it and caption with it.
 * Everything here is re-exported; the packages it comes from have the rest.
 */
export { close, init, type DeviceName, type DeviceReport } from '@casa-js/tensor'
export { CasaError, type Message, type RgbImage } from '@casa-js/core'
export { decodeImage, type DecodeOptions } from '@casa-js/vision'
export {
  adapt,
  ask,
  askStreaming,
  captionCues,
  captionStream,
  createConversation,
  createSampler,
  formatSrt,
  loadVlm,
  progressiveCues,
  saveVlm,
  type AskOptions,
  type CaptionedFrame,
  type CaptionOptions,
  type Conversation,
  type ConversationOptions,
  type Generated,
  type GenerateOptions,
  type Sampler,
  type SamplingOptions,
  type VideoFrame,
  type Vlm,
} from '@casa-js/vlm'
