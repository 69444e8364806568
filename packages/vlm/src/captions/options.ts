/** Options and events of live captions. */
import { ConfigError, type RgbImage } from '@casa-js/base'
import type { MemoryUse } from '@casa-js/tensor'
import type { Sampler } from '../sampling/index.ts'
import type { SessionOptions } from '../session.ts'

/** A frame of a video. Sources yield frames in order of time. */
export interface VideoFrame {
  image: RgbImage
  /** Presentation time, from the start of the video. */
  timeMs: number
  /** Duration. Default: 1000 / framesPerSecond. */
  durationMs?: number
}

export interface CaptionOptions extends SessionOptions {
  system?: string | undefined
  /** The user's request before the first frame. */
  prompt?: string | undefined
  /** The start of the model's turn, part of the first frame's text. Default: "In this video". */
  prefix?: string | undefined
  /** 2, as the paper has it. */
  framesPerSecond?: number | undefined
  /** 20 unless given. */
  maxTokensPerFrame?: number | undefined
  /**
   * Time for a frame's words, from when the model has seen it; at least one token is said. 1000 / framesPerSecond unless given;
   * Infinity: no limit.
   */
  budgetMs?: number | undefined
  /** `captionSampling` unless given, with the model's stop tokens exempt. Its `ids` are all that went in, marks and prompt included. */
  sampler?: Sampler | undefined
  /** Seed of that sampling. */
  seed?: number | undefined
  /**
   * What to do when the text fills `capacityTokens` (default 4,096). 'slide', the default: drop all but the prompt and the latest frames
   * in a quarter of the room; their text is read again, and the last one's picture with it. 'error', the only choice where images stand in the cache themselves (insertion).
   */
  whenFull?: 'slide' | 'error' | undefined
  /**
   * What to do if frames arrive faster than they are captioned. 'wait', the default: no frame is dropped, the source waits; for files. 'newest': the
   * newest frame is taken and those before it are dropped; for cameras and streams, whose frames come at their own pace.
   */
  whenBehind?: 'wait' | 'newest' | undefined
  /** The result of `save` of an earlier run, to continue from. Replaces `system`, `prompt` and `prefix`. */
  resume?: Uint8Array | undefined
  /** Ends the captions before the next token, with the signal's reason. */
  signal?: AbortSignal | undefined
  /** The clock, in milliseconds; for tests. */
  now?: (() => number) | undefined
}

/** The caption of one frame. */
export interface CaptionedFrame {
  /** 0 for the first frame of this run. */
  index: number
  startMs: number
  endMs: number
  /** From the frame's arrival to its first token. */
  timeToFirstTokenMs: number
  /** From the frame's arrival until the model is ready for the next. */
  elapsedMs: number
  /** How far the captions are behind the video when this frame arrives; negative if ahead. Pauses are not counted. */
  lagMs: number
  /** Frames dropped between the one before and this one. */
  dropped: number
  /** Tokens generated, including a stop token. */
  tokens: number
  /** When each of them was generated, by the run's clock. */
  tokenTimesMs: number[]
  /** The text of these tokens; '' if the model generated none. */
  text: string
  /** Why the model stopped. */
  end: 'stop' | 'tokens' | 'time'
  /** Tokens in the cache, without the last generated token, which is fed with the next frame. */
  cachedTokens: number
  memory: MemoryUse
}

/** Events emitted while a video is captioned, in order. */
export type CaptionEvent =
  /** Frames that were dropped, and how many so far. */
  | { type: 'drop'; frames: number; total: number }
  /** A frame is about to be captioned: how far behind the video (below 0: ahead). */
  | { type: 'lag'; frame: number; lagMs: number }
  /** A token was generated; `text` is the text that it completed. */
  | { type: 'token'; frame: number; id: number; text: string; timeMs: number }
  /** A frame's caption is complete. */
  | { type: 'frame'; frame: CaptionedFrame }

/** Checks the options and fills in defaults. @throws ConfigError naming the one that is out of range. */
export function checkCaptionOptions(options: CaptionOptions, imagesInCache: boolean) {
  const { framesPerSecond = 2, maxTokensPerFrame = 20, budgetMs = 1000 / framesPerSecond, whenBehind = 'wait' } = options
  const { whenFull = imagesInCache ? 'error' : 'slide' } = options
  const wrong = (name: string, expected: string, found: unknown) =>
    new ConfigError(`captionVideo: ${name}`, `expected ${expected}, found ${JSON.stringify(found) ?? found}`)
  const positive = (name: string, value: number, valid = value > 0) => {
    if (!valid) throw wrong(name, 'a number above 0', value)
  }
  positive('framesPerSecond', framesPerSecond)
  positive('maxTokensPerFrame', maxTokensPerFrame, Number.isInteger(maxTokensPerFrame) && maxTokensPerFrame > 0)
  positive('budgetMs', budgetMs)
  if (!['wait', 'newest'].includes(whenBehind)) throw wrong('whenBehind', '"wait" or "newest"', whenBehind)
  if (!['slide', 'error'].includes(whenFull)) throw wrong('whenFull', '"slide" or "error"', whenFull)
  if (whenFull === 'slide' && imagesInCache) {
    throw new ConfigError(
      'captionVideo: whenFull',
      'expected "error": this model keeps images in the cache, so its text cannot slide',
    )
  }
  return { framesPerSecond, maxTokensPerFrame, budgetMs, whenFull, whenBehind }
}
