/** What goes into `openVideo` and what comes out of it. */
import type { RgbImage } from '@casa-js/base'

/** One frame. */
export interface VideoFrame {
  /** Upright, with square pixels. Frames that show the same picture share it. */
  image: RgbImage
  /** When it is shown: start of the stream + i / framesPerSecond, in milliseconds. */
  timeMs: number
  /** 1000 / framesPerSecond. */
  durationMs: number
}

/** What is told while a video is read. */
export type VideoEvent =
  /** A live source was faster than its reader: `frames` were left out now, `total` so far. */
  | { type: 'drop'; frames: number; total: number; timeMs: number }
  /** A part of the file cannot be read; what could be is given. */
  | { type: 'damage'; message: string; timeMs: number }

export interface VideoOptions {
  /** Frames given per second of the video: 2 unless said, as CASA's captions take. */
  framesPerSecond?: number | undefined
  /** Shrink frames until their longer side has at most this many pixels (bicubic, as Pillow). They are never enlarged. */
  sizePx?: number | undefined
  /** The part [from, to) in seconds of the video's own time. Frames stand at from + i / framesPerSecond. */
  from?: number | undefined
  to?: number | undefined
  /** Ends reading; the iteration throws its reason. */
  signal?: AbortSignal | undefined
  /** Whether the newest frame wins when the reader falls behind. Default: true for cameras, screens and streams, false for files. */
  live?: boolean | undefined
  /** Of a file that is still being written (Node): at its end wait for more, until it has not grown for `idleMs` (5000 unless said). */
  follow?: boolean | { idleMs: number } | undefined
  /** Told of frames dropped and damage found. */
  onEvent?: ((event: VideoEvent) => void) | undefined
  /** What errors call the video. */
  name?: string | undefined
  /** Refuse frames of more pixels. Default: 89 million, as `decodeImage`. */
  maxPixels?: number | undefined
}

/**
 * Where frames come from.
 *
 * - string or URL: a file, a folder of pictures, a URL (with range requests), in Node also `-` (standard input), `rtsp:` and the like,
 *   and `/dev/video0`
 * - Blob, or a ReadableStream of a file's bytes
 * - in a browser: a MediaStream or MediaStreamTrack, a canvas, or `{ camera: true }` and `{ screen: true }`, which ask the user
 * - in Node: `{ camera: '/dev/video0' }`, `{ screen: true }` and `{ ffmpeg: [input arguments] }`, through ffmpeg where it is installed
 * - a list: one after another
 */
export type VideoSource = string | URL | Blob | ReadableStream<Uint8Array> | LiveSource | readonly VideoSource[]

/** A source without an end of its own. */
export type LiveSource =
  | MediaStream
  | MediaStreamTrack
  | HTMLCanvasElement
  | { camera: true | string | MediaTrackConstraints }
  | { screen: true | DisplayMediaStreamOptions }
  | { ffmpeg: readonly string[] }

export interface VideoInfo {
  /** Size of the frames that are given, after rotation, pixel aspect and `sizePx`; unknown before the first frame of some sources. */
  widthPx?: number
  heightPx?: number
  /** Start of the stream and its length, in milliseconds, as far as the file says. */
  startMs: number
  durationMs?: number
  /** E.g. "avc", "vp9"; "gif". */
  codec?: string
  /** What decodes it. */
  decoder: 'webcodecs' | 'ffmpeg' | 'pictures' | 'capture'
  live: boolean
}

/** An opened video: frames by `for await`, once. */
export interface Video extends AsyncIterable<VideoFrame> {
  /** What is known of it. Opens it, so it rejects with what opening throws. */
  info(): Promise<VideoInfo>
  /** Frames of a live source that were left out because newer ones came. */
  readonly droppedFrames: number
  /** Stop reading and free the decoder, file and camera. Iterations in progress end. May be called at any time, and twice. */
  close(): Promise<void>
}
