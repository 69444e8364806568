/** `openVideo`: any source, as frames at exact times. */
import { ConfigError } from '@casa-js/base'
import { defaultMaxPixels } from '@casa-js/vision'
import { openSource } from '#platform'
import { VideoError } from './errors.ts'
import { framesOnGrid } from './grid.ts'
import { newestFrames } from './newest.ts'
import type { Reel, ReelOptions } from './reel.ts'
import type { Video, VideoFrame, VideoInfo, VideoOptions, VideoSource } from './types.ts'

/** The frame rate of CASA's live captions (arXiv 2512.19535). */
const defaultFramesPerSecond = 2

/**
 * Open a video, an animation, a folder of images, a camera, a screen or a stream, and read its frames:
 *
 *     for await (const { image, timeMs } of openVideo('film.mp4', { framesPerSecond: 2, sizePx: 448 })) ..
 *
 * Frame i is at stream start + i / framesPerSecond, half-open (none at the end), and is what a player would show at that time.
 * Rotation, pixel aspect ratio, edit lists and variable frame rates are handled. Decoding runs at most a few frames ahead of the
 * reader, so memory does not grow with the length; what comes before `from` is not decoded. Files never drop frames; a live source
 * gives the newest frame. Nothing is opened before the first frame or `info()` is requested.
 *
 * @throws ConfigError when an option is out of range. The iteration rejects with VideoError when the source cannot be opened or
 * decoded (naming the codec and what to do), with ImageError for pictures, and with the signal's reason when it aborts.
 */
export function openVideo(source: VideoSource, options: VideoOptions = {}): Video {
  const { framesPerSecond = defaultFramesPerSecond, from, to, sizePx } = options
  const require = (valid: boolean, field: string, expected: string, found: unknown) => {
    if (!valid) throw new ConfigError(`openVideo: ${field}`, `expected ${expected}, found ${String(found)}`)
  }
  require(framesPerSecond > 0 && framesPerSecond <= 1000, 'framesPerSecond', 'a number above 0 and at most 1000', framesPerSecond)
  require(sizePx === undefined || (Number.isInteger(sizePx) && sizePx > 0), 'sizePx', 'an integer above 0', sizePx)
  require(from === undefined || (Number.isFinite(from) && from >= 0), 'from', 'seconds of at least 0', from)
  require(to === undefined || to > (from ?? 0), 'to', `seconds above from = ${from ?? 0}`, to)

  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const settings: ReelOptions = {
    ...options,
    framesPerSecond,
    name: options.name ?? nameOf(source),
    maxPixels: options.maxPixels ?? defaultMaxPixels,
    signal,
    tell: (event) => options.onEvent?.(event),
  }
  let opening: Promise<Reel> | undefined
  let droppedFrames = 0
  let started = false

  async function openOnce(): Promise<Reel> {
    if (isList(source)) return createListReel(source, settings)
    const opened = await openSource(source, settings)
    return 'list' in opened ? createListReel(opened.list, settings) : opened
  }
  const open = () => (opening ??= openOnce())

  async function close(): Promise<void> {
    stop.abort()
    await (await opening?.catch(() => undefined))?.close()
  }

  async function* frames(): AsyncGenerator<VideoFrame> {
    if (started) throw new VideoError(`${settings.name}: its frames were read already; open it again`)
    started = true
    try {
      signal.throwIfAborted()
      const reel = await open()
      const given = framesOf(reel, settings)
      const live = options.live ?? reel.info.live
      const onDrop = (event: { total: number; frames: number; timeMs: number }) => {
        droppedFrames = event.total
        settings.tell({ type: 'drop', ...event })
      }
      const realTime = 'frames' in reel && reel.realTime
      for await (const frame of live ? newestFrames(given, { framesPerSecond, signal, realTime, onDrop }) : given) {
        signal.throwIfAborted()
        yield frame
      }
    } catch (error) {
      // Closing is not an error; an abort is.
      options.signal?.throwIfAborted()
      if (!stop.signal.aborted) throw error
    } finally {
      await close()
    }
  }

  return {
    info: async (): Promise<VideoInfo> => (await open()).info,
    get droppedFrames() {
      return droppedFrames
    },
    close,
    [Symbol.asyncIterator]: frames,
  }
}

const framesOf = (reel: Reel, options: ReelOptions) => ('frames' in reel ? reel.frames() : framesOnGrid(reel, options))

const isList = (source: VideoSource): source is readonly VideoSource[] => Array.isArray(source)

/** One source after another; each starts where the last frame of the previous one ends. */
function createListReel(sources: readonly VideoSource[], options: ReelOptions): Reel {
  const { from = 0, to = Infinity, signal, framesPerSecond, live } = options
  async function* frames(): AsyncGenerator<VideoFrame> {
    let offsetMs = 0
    for (const source of sources) {
      let endMs = 0
      let startMs: number | undefined
      const { from: _, to: __, live: ___, onEvent: ____, ...rest } = options
      const item = openVideo(source, { ...rest, name: nameOf(source), live: false, onEvent: options.tell })
      for await (const frame of item) {
        signal.throwIfAborted()
        startMs ??= frame.timeMs
        const timeMs = offsetMs + frame.timeMs - startMs
        endMs = frame.timeMs - startMs + 1000 / framesPerSecond
        if (timeMs >= to * 1000) return
        if (timeMs >= from * 1000) yield { ...frame, timeMs }
      }
      offsetMs += endMs
    }
  }
  return {
    info: { startMs: 0, decoder: 'pictures', live: live ?? false },
    frames,
    realTime: false,
    close: () => undefined,
  }
}

/** Shortened for error messages. */
function nameOf(source: VideoSource): string {
  if (typeof source === 'string' || source instanceof URL) return String(source)
  if (typeof File !== 'undefined' && source instanceof File) return source.name
  return 'video'
}
