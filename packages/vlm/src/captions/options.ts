/** Options and events of live captions. */
import { ConfigError, type RgbImage } from '@casa-js/base'
import type { MemoryUse } from '@casa-js/tensor'
import type { Sampler } from '../sampling/index.ts'
import type { SessionOptions } from '../session.ts'

/** A frame of a video. Sources yield frames in presentation order. */
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
  /** Start of the model's turn, part of the first frame's text. Default: "In this video". */
  prefix?: string | undefined
  /** Default: 2, as in the paper. */
  framesPerSecond?: number | undefined
  /** Default: 20. */
  maxTokensPerFrame?: number | undefined
  /**
   * Time limit for a frame's caption, from when the model has processed the image; at least one token is generated.
   * Default: 1000 / framesPerSecond. Infinity: no limit.
   */
  budgetMs?: number | undefined
  /** Default: `captionSampling`, with the model's stop tokens exempt. Its `ids` are all tokens so far, including markers and prompt. */
  sampler?: Sampler | undefined
  /** Seed of the default sampler. */
  seed?: number | undefined
  /**
   * What to do when the text fills `capacityTokens` (default 4,096). 'slide', the default: keep the prompt and as many of
   * the latest frames as fit in a quarter of the capacity; their text is processed again, with the image of the last one.
   * 'error': throw; the only choice when images are in the cache themselves (insertion).
   */
  whenFull?: 'slide' | 'error' | undefined
  /**
   * What to do if frames arrive faster than they are captioned. 'wait', the default: no frame is dropped, the source waits; for files.
   * 'newest': the newest frame is taken and those before it are dropped; for cameras and streams, which do not wait.
   */
  whenBehind?: 'wait' | 'newest' | undefined
  /** The result of `save` of an earlier run, to continue from. Replaces `system`, `prompt` and `prefix`. */
  resume?: Uint8Array | undefined
  /** Stops before the next token, with the signal's reason. */
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
  /** Frames dropped between the previous frame and this one. */
  dropped: number
  /** Tokens generated, including a stop token. */
  tokens: number
  /** When each token was generated, by the run's clock. */
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
  /** Frames were dropped: how many now, and how many so far. */
  | { type: 'drop'; frames: number; total: number }
  /** A frame is about to be captioned: how far behind the video (negative: ahead). */
  | { type: 'lag'; frame: number; lagMs: number }
  /** A token was generated; `text` is the text that it completed, possibly ''. */
  | { type: 'token'; frame: number; id: number; text: string; timeMs: number }
  /** A frame's caption is complete. */
  | { type: 'frame'; frame: CaptionedFrame }

/** Checks the options and fills in defaults. @throws ConfigError naming the option that is out of range. */
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
