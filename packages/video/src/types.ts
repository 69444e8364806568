/** Inputs and outputs of `openVideo`. */
import type { RgbImage } from '@casa-js/base'

/** One frame. */
export interface VideoFrame {
  /** Upright, with square pixels. Frames that show the same image share it. */
  image: RgbImage
  /** Presentation time: stream start + i / framesPerSecond, in milliseconds. */
  timeMs: number
  /** 1000 / framesPerSecond. */
  durationMs: number
}

/** Events reported while a video is read. */
export type VideoEvent =
  /** A live source was faster than its reader: `frames` were dropped now, `total` so far. */
  | { type: 'drop'; frames: number; total: number; timeMs: number }
  /** Part of the file cannot be read; the rest is returned. */
  | { type: 'damage'; message: string; timeMs: number }

export interface VideoOptions {
  /** Frames per second of video. Default: 2, as in CASA's live captions. */
  framesPerSecond?: number | undefined
  /** Shrink frames until their longer side has at most this many pixels (bicubic, as in Pillow). They are never enlarged. */
  sizePx?: number | undefined
  /** The part [from, to) in seconds of the video's own time. Frame i is at from + i / framesPerSecond. */
  from?: number | undefined
  to?: number | undefined
  /** Stops reading; the iteration throws its reason. */
  signal?: AbortSignal | undefined
  /** Whether to skip to the newest frame when the reader falls behind. Default: true for cameras, screens and streams, false for files. */
  live?: boolean | undefined
  /** For a file that is still being written (Node): wait for more at its end, until it has not grown for `idleMs` (default 5000). */
  follow?: boolean | { idleMs: number } | undefined
  /** Called when frames are dropped or the file is damaged. */
  onEvent?: ((event: VideoEvent) => void) | undefined
  /** Name of the video in error messages. */
  name?: string | undefined
  /** Reject frames of more pixels. Default: 89 million, as in `decodeImage`. */
  maxPixels?: number | undefined
}

/**
 * Where frames come from.
 *
 * - string or URL: a file, a folder of images, a URL (with range requests), in Node also `-` (standard input), `rtsp:` and the like,
 *   and `/dev/video0`
 * - Blob, or a ReadableStream of a file's bytes
 * - in a browser: a MediaStream or MediaStreamTrack, a canvas, or `{ camera: true }` and `{ screen: true }`, which ask the user
 * - in Node: `{ camera: '/dev/video0' }`, `{ screen: true }` and `{ ffmpeg: [input arguments] }`, through ffmpeg if installed
 * - a list of these: one after another
 */
export type VideoSource = string | URL | Blob | ReadableStream<Uint8Array> | LiveSource | readonly VideoSource[]

/** A live source. */
export type LiveSource =
  | MediaStream
  | MediaStreamTrack
  | HTMLCanvasElement
  | { camera: true | string | MediaTrackConstraints }
  | { screen: true | DisplayMediaStreamOptions }
  | { ffmpeg: readonly string[] }

export interface VideoInfo {
  /** Size of the returned frames, after rotation, pixel aspect and `sizePx`; unknown before the first frame of some sources. */
  widthPx?: number
  heightPx?: number
  /** Start of the stream and its length, in milliseconds, if the file declares them. */
  startMs: number
  durationMs?: number
  /** E.g. "avc", "vp9" or "gif". */
  codec?: string
  /** What decodes it. */
  decoder: 'webcodecs' | 'ffmpeg' | 'pictures' | 'capture'
  live: boolean
}

/** An opened video. Iterate over its frames with `for await`, once. */
export interface Video extends AsyncIterable<VideoFrame> {
  /** Information about the video. Opens it, and rejects if that fails. */
  info(): Promise<VideoInfo>
  /** Number of frames of a live source dropped in favour of newer ones. */
  readonly droppedFrames: number
  /** Stop reading and free the decoder, file and camera. Iterations in progress end. May be called at any time, and twice. */
  close(): Promise<void>
}
