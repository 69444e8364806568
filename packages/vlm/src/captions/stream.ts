/**
 * Live captions: a model watches frames as they come and speaks as it sees (arXiv 2512.19535, section on streaming).
 *
 *   first frame    [system] user prompt, assistant: image, prefix ..        one assistant turn that is never closed
 *   later frames   .. image ..                                              the image and its marks alone
 *
 * Each frame is prefilled, then the model speaks until a stop token, `maxTokensPerFrame` or the frame's time is up. The token that
 * was sampled last is fed under the window of its own frame, whatever it was: another stop token in its place wrecks the cadence
 * after a few dozen frames. The next image drops the window, so memory follows the text alone, and not even that once `whenFull`
 * slides.
 */
import { CasaError, ConfigError } from '@casa-js/base'
import { type RgbImage } from '@casa-js/core'
import { memory } from '@casa-js/tensor'
import { createTextStream } from '@casa-js/tokenizers'
import type { Vlm } from '../load.ts'
import { captionSampling, createSampler } from '../sampling/index.ts'
import { createSession } from '../session.ts'
import { openingOf, type Opening } from './opening.ts'
import { checkCaptionOptions, type CaptionedFrame, type CaptionOptions, type VideoFrame } from './options.ts'

const DEFAULT_CAPACITY_TOKENS = 4096

/**
 * Captions of a video, frame by frame, as its frames come.
 * @throws CasaError when the template marks no images, or the text is full and may not slide.
 */
export async function* captionStream(
  vlm: Vlm,
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: CaptionOptions = {},
): AsyncGenerator<CaptionedFrame, void> {
  const { framesPerSecond, maxTokensPerFrame, budgetMs } = checkCaptionOptions(options)
  const { prefix = 'In this video', signal, now = () => performance.now(), capacityTokens = DEFAULT_CAPACITY_TOKENS } = options
  const { model, tokenizer, stopIds } = vlm
  const { imagesInCache } = model.fusion
  const whenFull = options.whenFull ?? (imagesInCache ? 'error' : 'slide')
  if (whenFull === 'slide' && imagesInCache) {
    throw new ConfigError(
      'captionStream: whenFull',
      'expected "error": this model keeps images in the cache, so its text cannot slide',
    )
  }
  const sampler = options.sampler ?? createSampler({ ...captionSampling, stopTokens: stopIds, seed: options.seed })
  const session = createSession(model, { ...options, capacityTokens })
  const stream = createTextStream(tokenizer)
  let opening: Opening | undefined
  /** Everything said, the prefix first: what sampling looks back on. */
  const said: number[] = []
  /** Everything in the cache behind the opening. */
  const heard: number[] = []

  async function take(ids: Int32Array, images: { before: number; image: RgbImage }[] = []): Promise<Float32Array> {
    const logits = await session.append({ ids, images })
    heard.push(...ids)
    return logits
  }

  /** Make room for one more frame: the prompt stays, and the latest text. */
  async function makeRoom({ ids, frameIds }: Opening, image: RgbImage): Promise<void> {
    const needed = frameIds.length + maxTokensPerFrame + session.imageTokens(image)
    if (session.tokens + needed <= capacityTokens) return
    const latest = Math.min(heard.length, Math.floor(capacityTokens / 4), capacityTokens - ids.length - needed)
    if (whenFull === 'error' || latest < 0) {
      throw new CasaError(
        `the captions hold ${session.tokens} tokens, the next frame needs up to ${needed} and there is room for ${capacityTokens}: raise capacityTokens` +
          (latest < 0 ? ', for not even the prompt and one frame fit' : ', or let the text slide'),
      )
    }
    session.truncate(ids.length)
    const kept = Int32Array.from(heard.slice(heard.length - latest))
    heard.length = 0
    if (kept.length > 0) await take(kept)
  }

  async function see({ image }: VideoFrame): Promise<{ logits: Float32Array; text: string }> {
    if (opening) {
      await makeRoom(opening, image)
      return { logits: await take(opening.frameIds, [{ image, before: opening.frameBefore }]), text: '' }
    }
    opening = openingOf(vlm, image, { ...options, prefix })
    const logits = await session.append({ ids: opening.ids, images: [{ image, before: opening.before }] })
    said.push(...opening.prefixIds)
    return { logits, text: opening.prefixIds.map((id) => stream.push(id)).join('') }
  }

  async function caption(frame: VideoFrame): Promise<CaptionedFrame> {
    const arrival = now()
    let { logits, text } = await see(frame)
    let timeToFirstTokenMs = 0
    let tokens = 0
    let end: CaptionedFrame['end'] | undefined
    while (!end) {
      signal?.throwIfAborted()
      const id = sampler(logits, said)
      said.push(id)
      tokens++
      if (tokens === 1) timeToFirstTokenMs = now() - arrival
      text += stream.push(id)
      // Fed before the next frame is looked at, so under this frame's window.
      logits = await take(Int32Array.of(id))
      if (stopIds.includes(id)) end = 'stop'
      else if (tokens === maxTokensPerFrame) end = 'tokens'
      else if (now() - arrival >= budgetMs) end = 'time'
    }
    // Far more than sampling looks back on.
    if (said.length > 4096) said.splice(0, said.length - 2048)
    return {
      startMs: frame.timeMs,
      endMs: frame.timeMs + (frame.durationMs ?? 1000 / framesPerSecond),
      timeToFirstTokenMs,
      elapsedMs: now() - arrival,
      tokens,
      text,
      end,
      cachedTokens: session.tokens,
      memory: memory(),
    }
  }

  try {
    for await (const frame of frames) {
      signal?.throwIfAborted()
      yield await caption(frame)
    }
  } finally {
    session.dispose()
  }
}
