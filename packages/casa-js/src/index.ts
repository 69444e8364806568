/**
 * The front door: what most programs need to load a vision-language model, ask it, talk with it and caption video with it.
 * Everything here is re-exported; the packages it comes from have the rest.
 */
export { CasaError, type Message, type RgbImage } from '@casa-js/base'
export { close, init, type DeviceName, type DeviceReport } from '@casa-js/tensor'
export { openVideo, type Video, type VideoOptions, type VideoSource } from '@casa-js/video'
export { decodeImage, loadImage, type DecodeOptions, type LoadImageOptions } from '@casa-js/vision'
export {
  adapt,
  ask,
  askStreaming,
  captionCues,
  captionStream,
  captionVideo,
  createConversation,
  createSampler,
  formatSrt,
  loadVlm,
  saveVlm,
  type AskOptions,
  type CaptionedFrame,
  type CaptionEvent,
  type CaptionOptions,
  type CaptionRun,
  type Conversation,
  type ConversationOptions,
  type Generated,
  type GenerateOptions,
  type Sampler,
  type SamplingOptions,
  type VideoFrame,
  type Vlm,
} from '@casa-js/vlm'
