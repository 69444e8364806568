/** Live captions: a model reads frames as they arrive and generates text for each. */
import { StateError } from '@casa-js/base'
import { memory } from '@casa-js/tensor'
import type { Vlm } from '../load.ts'
import { createSampler } from '../sampling/index.ts'
import { createCaptioner } from './captioner.ts'
import { createClock } from './clock.ts'
import { captionDefaults } from './defaults.ts'
import { everyFrame, newestFrame } from './frames.ts'
import { checkCaptionOptions, type CaptionedFrame, type CaptionEvent, type CaptionOptions, type VideoFrame } from './options.ts'

/** A caption run: iterate it once to receive its events. Leaving the loop ends it and frees its memory. */
export interface CaptionRun extends AsyncIterable<CaptionEvent> {
  /** Milliseconds since the run began, without pauses. */
  readonly clockMs: number
  readonly paused: boolean
  /** Frames dropped so far. */
  readonly dropped: number
  /** Stop before the next token, and stop the clock. Frames of a live source that arrive meanwhile are skipped and not counted as dropped. */
  pause(): void
  resume(): void
  /**
   * The state of the run, as bytes for `options.resume`, so that captions survive a restart.
   * @throws StateError before the first "frame" event, within a frame, and after the end.
   */
  save(): Promise<Uint8Array>
}

/**
 * Caption a video. Nothing happens until the run is iterated.
 * @param source frames in order of time: `openVideo` of @casa-js/video, a camera, pictures of one's own
 * @param given options; missing ones come from the model's folder (`captionDefaults`), else from the paper
 * @throws ConfigError naming the option that is out of range; while iterating, CasaError when the template marks no images, or the text
 *   is full and may not slide
 */
export function captionVideo(
  vlm: Vlm,
  source: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  given: CaptionOptions = {},
): CaptionRun {
  const { sampling, ...defaults } = captionDefaults(vlm)
  const options: CaptionOptions = { ...defaults }
  for (const [name, value] of Object.entries(given)) if (value !== undefined) Object.assign(options, { [name]: value })
  const settings = checkCaptionOptions(options, vlm.model.fusion.imagesInCache)
  const { framesPerSecond, maxTokensPerFrame, budgetMs, whenBehind } = settings
  const { signal, now = () => performance.now() } = options
  const sampler = options.sampler ?? createSampler({ ...sampling, seed: options.seed })
  let clock = createClock(now)
  let captioner: ReturnType<typeof createCaptioner> | undefined
  let total = 0
  let begun = false

  /** A point at which a pause or an abort takes effect. */
  async function comeUp() {
    signal?.throwIfAborted()
    await clock.running(signal)
    signal?.throwIfAborted()
  }

  async function* caption(
    { image, timeMs, durationMs = 1000 / framesPerSecond }: VideoFrame,
    { index, dropped, lagMs }: Pick<CaptionedFrame, 'index' | 'dropped' | 'lagMs'>,
  ): AsyncGenerator<CaptionEvent, void> {
    const watcher = captioner!
    const arrival = clock.elapsedMs()
    const { choose, text: prefix } = await watcher.look(image)
    let text = prefix
    let id: number | undefined
    const seen = clock.elapsedMs()
    const tokenTimesMs: number[] = []
    let end: CaptionedFrame['end'] | undefined
    while (!end) {
      await comeUp()
      id ??= choose()
      const said = watcher.say(id)
      const at = clock.elapsedMs()
      tokenTimesMs.push(at)
      text += said.text
      yield { type: 'token', frame: index, id, text: said.text, timeMs: at }
      if (said.isStop) end = 'stop'
      else if (tokenTimesMs.length === maxTokensPerFrame) end = 'tokens'
      else if (at - seen >= budgetMs) end = 'time'
      else {
        await comeUp()
        id = await watcher.goOn()
      }
    }
    watcher.endFrame()
    const frame: CaptionedFrame = {
      index,
      startMs: timeMs,
      endMs: timeMs + durationMs,
      timeToFirstTokenMs: tokenTimesMs[0]! - arrival,
      elapsedMs: clock.elapsedMs() - arrival,
      lagMs,
      dropped,
      tokens: tokenTimesMs.length,
      tokenTimesMs,
      text,
      end,
      cachedTokens: watcher.tokens,
      memory: memory(),
    }
    yield { type: 'frame', frame }
  }

  async function* run(): AsyncGenerator<CaptionEvent, void> {
    if (begun) throw new StateError('captionVideo: a run is iterated once: call captionVideo again')
    begun = true
    signal?.throwIfAborted()
    const isPaused = clock.paused
    clock = createClock(now)
    if (isPaused) clock.pause()
    captioner = createCaptioner(vlm, options, { ...settings, sampler })
    const frames = whenBehind === 'newest' ? newestFrame(source, () => clock.paused, signal) : everyFrame(source, signal)
    try {
      if (options.resume) await captioner.load(options.resume)
      let firstMs: number | undefined
      for (let index = 0; ; index++) {
        await comeUp()
        const next = await frames.next()
        if (!next) return
        await comeUp()
        const { frame, dropped } = next
        total += dropped
        if (dropped > 0) yield { type: 'drop', frames: dropped, total }
        firstMs ??= frame.timeMs - clock.elapsedMs()
        const lagMs = clock.elapsedMs() - (frame.timeMs - firstMs)
        yield { type: 'lag', frame: index, lagMs }
        yield* caption(frame, { index, dropped, lagMs })
      }
    } finally {
      frames.close()
      captioner.dispose()
      captioner = undefined
    }
  }

  return {
    get clockMs() {
      return clock.elapsedMs()
    },
    get paused() {
      return clock.paused
    },
    get dropped() {
      return total
    },
    pause: () => clock.pause(),
    resume: () => clock.resume(),
    async save() {
      if (!captioner) throw new StateError('captions are saved while they run: after a "frame" event')
      return captioner.save()
    },
    [Symbol.asyncIterator]: run,
  }
}

/**
 * Captions of a video, frame by frame: the "frame" events of `captionVideo` alone.
 * @throws as `captionVideo` does
 */
export async function* captionStream(
  vlm: Vlm,
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: CaptionOptions = {},
): AsyncGenerator<CaptionedFrame, void> {
  for await (const event of captionVideo(vlm, frames, options)) if (event.type === 'frame') yield event.frame
}
