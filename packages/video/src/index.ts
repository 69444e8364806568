export { openVideo } from './open.ts'
export { VideoError } from './errors.ts'
export type { LiveSource, Video, VideoEvent, VideoFrame, VideoInfo, VideoOptions, VideoSource } from './types.ts'
