export { captionStream, captionVideo, type CaptionRun } from './video.ts'
export { captionDefaults, type CaptionDefaults } from './defaults.ts'
export { captionCues } from './cues.ts'
export type { CaptionedFrame, CaptionEvent, CaptionOptions, VideoFrame } from './options.ts'
