/** The common form of all sources: pictures with the times at which they are shown. */
import type { RgbImage } from '@casa-js/base'
import type { VideoEvent, VideoFrame, VideoInfo, VideoOptions } from './types.ts'

/** A picture as a player would show it. */
export interface Shown {
  /** Start time in seconds, in the video's own time. */
  startS: number
  /** End time, if known; otherwise the picture is shown until the next one. */
  endS?: number
  /** Decodes, rotates and resizes it. Called at most once, before the next picture is requested. */
  image(): Promise<RgbImage>
  /** Frees it. */
  close(): void
}

/** Time of the next requested frame, in seconds: pictures that end before it need no decoding. */
export interface Wanted {
  timeS: number
}

/** An opened source whose pictures have times of their own. */
export interface ShownReel {
  info: VideoInfo
  startS: number
  /** Pictures in presentation order. Those that end before `wanted.timeS` may be skipped. */
  shown(wanted: Wanted): AsyncGenerator<Shown>
  close(): Promise<void> | void
}

/** An opened source that produces frames at the requested times itself. */
export interface FrameReel {
  info: VideoInfo
  frames(): AsyncGenerator<VideoFrame>
  /** Whether frames arrive in real time. */
  realTime: boolean
  close(): Promise<void> | void
}

export type Reel = ShownReel | FrameReel

/** A source that consists of several, one after another. */
export interface SourceList {
  list: readonly string[]
}

/** The options with defaults filled in, for sources. */
export interface ReelOptions extends VideoOptions {
  framesPerSecond: number
  name: string
  maxPixels: number
  /** Aborts when the caller's signal does, and when the video is closed. */
  signal: AbortSignal
  tell(event: VideoEvent): void
}
