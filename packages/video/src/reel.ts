/** What every source is turned into: pictures with the times between which they are shown. */
import type { RgbImage } from '@casa-js/base'
import type { VideoEvent, VideoFrame, VideoInfo, VideoOptions } from './types.ts'

/** A picture as a player would show it. */
export interface Shown {
  /** Seconds of the video's own time. */
  startS: number
  /** Where known: until when; else it is shown until the next one. */
  endS?: number
  /** Decodes, turns and resizes it. Called at most once, before the next picture is asked for. */
  image(): Promise<RgbImage>
  /** Frees it. */
  close(): void
}

/** The time of the frame that is asked for next, in seconds: what is over before it needs no decoding. */
export interface Wanted {
  timeS: number
}

/** An opened source whose pictures have times of their own. */
export interface ShownReel {
  info: VideoInfo
  startS: number
  /** Pictures in the order of their times. Those that are over before `wanted.timeS` may be left out. */
  shown(wanted: Wanted): AsyncGenerator<Shown>
  close(): Promise<void> | void
}

/** An opened source that gives frames at the times asked for by itself. */
export interface FrameReel {
  info: VideoInfo
  frames(): AsyncGenerator<VideoFrame>
  /** Frames arrive when they happen. */
  realTime: boolean
  close(): Promise<void> | void
}

export type Reel = ShownReel | FrameReel

/** A source that stands for several, one after another. */
export interface SourceList {
  list: readonly string[]
}

/** The options with their defaults, as sources take them. */
export interface ReelOptions extends VideoOptions {
  framesPerSecond: number
  name: string
  maxPixels: number
  /** Aborts when the caller's signal does, and when the video is closed. */
  signal: AbortSignal
  tell(event: VideoEvent): void
}
