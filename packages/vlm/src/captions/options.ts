/** What live captions take and give. */
import { ConfigError } from '@casa-js/base'
import { type RgbImage } from '@casa-js/core'
import type { MemoryUse } from '@casa-js/tensor'
import type { Sampler } from '../sampling/index.ts'
import type { SessionOptions } from '../session.ts'

export interface VideoFrame {
  image: RgbImage
  /** When it is shown, from the start of the video. */
  timeMs: number
  /** How long; 1000 / framesPerSecond unless given. */
  durationMs?: number
}

export interface CaptionOptions extends SessionOptions {
  system?: string
  /** What the user asks for before the first frame. */
  prompt?: string | undefined
  /** What the model's turn begins with, part of the first frame's text: "In this video" unless given. */
  prefix?: string | undefined
  /** 2, as the paper has it. */
  framesPerSecond?: number
  /** 20 unless given. */
  maxTokensPerFrame?: number
  /** Time that a frame may take, from its arrival; at least one token is said. 1000 / framesPerSecond unless given; Infinity: no limit. */
  budgetMs?: number | undefined
  /** `captionSampling` unless given, with the model's stop tokens exempt. */
  sampler?: Sampler
  /** Seed of that sampling. */
  seed?: number
  /**
   * When the text fills `capacityTokens`. 'slide', the default of CASA models: forget all but the prompt and the latest quarter of
   * the room, read again without pictures. 'error', the only choice where images stand in the cache themselves (insertion).
   */
  whenFull?: 'slide' | 'error'
  signal?: AbortSignal
  /** The clock, in milliseconds; for tests. */
  now?: () => number
}

/** What was said of one frame. */
export interface CaptionedFrame {
  startMs: number
  endMs: number
  /** From the frame's arrival to its first token. */
  timeToFirstTokenMs: number
  /** From its arrival until the model is ready for the next. */
  elapsedMs: number
  /** Tokens said, a stop token included. */
  tokens: number
  /** Text that became certain; '' when the model kept silent. */
  text: string
  /** Why the model stopped. */
  end: 'stop' | 'tokens' | 'time'
  /** Text tokens in the cache. */
  cachedTokens: number
  memory: MemoryUse
}

/** The options that have numbers for defaults. @throws ConfigError naming the one that is out of range. */
export function checkCaptionOptions({
  framesPerSecond = 2,
  maxTokensPerFrame = 20,
  budgetMs = 1000 / framesPerSecond,
}: CaptionOptions) {
  const positive = (name: string, value: number, valid = value > 0) => {
    if (!valid) throw new ConfigError(`captionStream: ${name}`, `expected a number above 0, found ${value}`)
  }
  positive('framesPerSecond', framesPerSecond)
  positive('maxTokensPerFrame', maxTokensPerFrame, Number.isInteger(maxTokensPerFrame) && maxTokensPerFrame > 0)
  positive('budgetMs', budgetMs)
  return { framesPerSecond, maxTokensPerFrame, budgetMs }
}
