export { captionStream, captionVideo, type CaptionRun } from './video.ts'
export { captionCues } from './cues.ts'
export type { CaptionedFrame, CaptionEvent, CaptionOptions, VideoFrame } from './options.ts'
