export { captionStream } from './stream.ts'
export { captionCues } from './cues.ts'
export type { CaptionedFrame, CaptionOptions, VideoFrame } from './options.ts'
