/**
 * The input of the model while it captions, token by token (arXiv 2512.19535, section on streaming; the authors' live scripts).
 *
 *   first frame    [system] user prompt, assistant: mark image mark, prefix ..      one assistant turn that is never closed
 *   later frames   .. stop | mark image mark ..                                     generated text, a stop token, the image and its marker tokens
 *
 * Every frame ends with a stop token in the cache, however it ended: the one that was sampled, or, if tokens or time ran out, the one
 * that was sampled last, after all text shown. Tokens not fed yet are fed before the next frame's tokens, in the same pass: they still
 * belong to the previous window, and the image begins its own.
 */
import { ArgumentError, StateError, type RgbImage } from '@casa-js/base'
import { createTextStream } from '@casa-js/tokenizers'
import type { Vlm } from '../load.ts'
import { chooseToken, type Sampler, type SamplerState } from '../sampling/index.ts'
import { createSession, type SessionImage } from '../session.ts'
import { openingOf, type Opening } from './opening.ts'
import type { CaptionOptions } from './options.ts'

/** How many of the latest ids are kept: far more than sampling needs. */
const HISTORY_IDS = 2048
/** After a restart, the text decoder needs fewer earlier ids than this. */
const TEXT_IDS = 64

const DEFAULT_CAPACITY_TOKENS = 4096

/** What a restart needs besides the session. */
interface Memory {
  opening: { ids: number[]; from: number; frameIds: number[]; frameBefore: number; frameFrom: number }
  history: number[]
  heard: number[]
  frameStarts: number[]
  pending: number[]
  said: number[]
  lastStop: number | null
  /** Absent for samplers that cannot be saved. */
  sampler?: SamplerState
}

export interface Captioner {
  /** Tokens in the cache. */
  readonly tokens: number
  /** Feed a frame. Returns a function that samples its first token, and text that belongs to it: the prefix, for the first frame. */
  look(image: RgbImage): Promise<{ choose: () => number; text: string }>
  /** A sampled token is said. Returns the text that it completed. */
  say(id: number): { text: string; isStop: boolean }
  /** Feed what was said and sample the next token. Returns its id. */
  goOn(): Promise<number>
  /** The frame is over. */
  endFrame(): void
  /** Between frames. */
  save(): Promise<Uint8Array>
  load(bytes: Uint8Array): Promise<void>
  dispose(): void
}

interface Settings {
  maxTokensPerFrame: number
  whenFull: 'slide' | 'error'
  sampler: Sampler
}

export function createCaptioner(
  vlm: Vlm,
  options: CaptionOptions,
  { maxTokensPerFrame, whenFull, sampler }: Settings,
): Captioner {
  const { model, tokenizer, stopIds } = vlm
  const { prefix = 'In this video', signal } = options
  const session = createSession(model, { capacityTokens: options.capacityTokens ?? DEFAULT_CAPACITY_TOKENS })
  const { capacityTokens } = session
  const stream = createTextStream(tokenizer)
  let opening: Opening | undefined
  /** All ids fed so far, for sampling. */
  let history: number[] = []
  /** Ids after the prompt, which are fed again when the text slides. */
  let heard: number[] = []
  /** Where each frame begins in `heard`: at the marker tokens before its image. */
  let frameStarts: number[] = []
  /** Of the latest frame. */
  let picture: RgbImage | undefined
  /** Sampled, but not fed yet. */
  let pending: number[] = []
  let lastStop: number | undefined = stopIds[0]
  /** Ids that were recently decoded to text. */
  let said: number[] = []
  let isOpen = false

  function fed(ids: Int32Array): void {
    for (const id of ids) history.push(id)
    if (history.length > 2 * HISTORY_IDS) history = history.slice(-HISTORY_IDS)
  }

  async function see(ids: Int32Array, image: SessionImage): Promise<() => number> {
    const logits = await session.append({ ids, images: [image] }, { signal })
    fed(ids)
    return () => chooseToken(sampler, logits, history)
  }

  function asText(id: number): string {
    said.push(id)
    if (said.length > 2 * TEXT_IDS) said = said.slice(-TEXT_IDS)
    return stream.push(id)
  }

  /** Make room for one more frame: keep the prompt and the latest frames, and feed the last image again. */
  async function makeRoom({ ids, from, frameIds, frameBefore, frameFrom }: Opening, image: RgbImage): Promise<void> {
    const needed = frameIds.length + maxTokensPerFrame + session.imageTokens(image)
    if (session.tokens + pending.length + needed <= capacityTokens) return
    const room = Math.min(Math.floor(capacityTokens / 4), capacityTokens - from - needed)
    if (whenFull === 'error' || room < 0) {
      throw new StateError(
        `the captions hold ${session.tokens} tokens, the next frame needs up to ${needed} and there is room for ${capacityTokens}: raise capacityTokens` +
          (room < 0 ? ', for not even the prompt and one frame fit' : ', or let the text slide'),
      )
    }
    // From the start, so that the prompt and the text without images are one window, as in a single pass.
    session.truncate(0)
    ;({ ids: heard, starts: frameStarts } = latestFrames([...heard, ...pending], frameStarts, room))
    const last = frameStarts.at(-1)
    const seen =
      picture && last !== undefined ? [{ image: picture, before: from + last + frameBefore, from: from + last + frameFrom }] : []
    // Sampling already knows these ids, except the pending ones.
    await session.append({ ids: Int32Array.from([...ids.subarray(0, from), ...heard]), images: seen }, { signal })
    history.push(...pending)
    pending = []
  }

  return {
    get tokens() {
      return session.tokens
    },
    async look(image) {
      isOpen = true
      if (opening) {
        await makeRoom(opening, image)
        const { frameIds, frameBefore, frameFrom } = opening
        const at = pending.length
        const ids = [...pending, ...frameIds]
        const choose = await see(Int32Array.from(ids), { image, before: at + frameBefore, from: at + frameFrom })
        frameStarts.push(heard.length + at)
        heard.push(...ids)
        pending = []
        picture = image
        return { choose, text: '' }
      }
      const first = openingOf(vlm, image, { ...options, prefix })
      const choose = await see(first.ids, { image, before: first.before, from: first.from })
      opening = first
      heard = [...first.ids.subarray(first.from)]
      frameStarts = [0]
      picture = image
      return { choose, text: first.prefixIds.map(asText).join('') }
    },
    say(id) {
      pending.push(id)
      const isStop = stopIds.includes(id)
      if (isStop) lastStop = id
      return { text: asText(id), isStop }
    },
    async goOn() {
      const ids = Int32Array.from(pending)
      const id = await session.choose({ ids, images: [] }, sampler, history, { signal })
      fed(ids)
      heard.push(...ids)
      pending = []
      return id
    },
    endFrame() {
      isOpen = false
      if (lastStop !== undefined && !stopIds.includes(pending.at(-1)!)) pending.push(lastStop)
    },
    async save() {
      if (isOpen || !opening) throw new StateError('captions are saved between frames: after a "frame" event')
      const { ids, from, frameIds, frameBefore, frameFrom } = opening
      const memory: Memory = {
        opening: { ids: [...ids], from, frameIds: [...frameIds], frameBefore, frameFrom },
        history: history.slice(-HISTORY_IDS),
        heard,
        frameStarts,
        pending,
        said: said.slice(-TEXT_IDS),
        lastStop: lastStop ?? null,
        ...(sampler.save && { sampler: sampler.save() }),
      }
      return session.save({ captions: JSON.stringify(memory) })
    },
    async load(bytes) {
      const { captions } = await session.load(bytes)
      const memory = readMemory(captions)
      opening = {
        ids: Int32Array.from(memory.opening.ids),
        frameIds: Int32Array.from(memory.opening.frameIds),
        frameBefore: memory.opening.frameBefore,
        frameFrom: memory.opening.frameFrom,
        from: memory.opening.from,
        // Only of the first frame, which was already captioned.
        before: 0,
        prefixIds: [],
      }
      ;({ history, heard, frameStarts, pending } = memory)
      picture = undefined
      lastStop = memory.lastStop ?? undefined
      if (memory.sampler) sampler.load?.(memory.sampler)
      stream.end()
      for (const id of memory.said) asText(id)
    },
    dispose: () => session.dispose(),
  }
}

/** The latest whole frames that fit in `room` ids; if not even the last fits, the end of its text, without a frame. */
function latestFrames(ids: number[], starts: number[], room: number): { ids: number[]; starts: number[] } {
  const first = starts.find((start) => ids.length - start <= room)
  if (first === undefined) return { ids: ids.slice(Math.max(0, ids.length - room)), starts: [] }
  return { ids: ids.slice(first), starts: starts.filter((start) => start >= first).map((start) => start - first) }
}

/** @throws ArgumentError when the text is not what `save` wrote. */
function readMemory(text: string | undefined): Memory {
  if (text === undefined)
    throw new ArgumentError('these bytes hold a session, but no captions: they were saved by another function')
  const wrong = (cause?: unknown) => new ArgumentError('the saved captions are damaged', { cause })
  let memory: Memory
  try {
    memory = JSON.parse(text) as Memory
  } catch (error) {
    throw wrong(error)
  }
  const isIds = (value: unknown) => Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0)
  const { opening, history, heard, frameStarts, pending, said } = memory
  if (![opening?.ids, opening?.frameIds, [opening?.from], history, heard, frameStarts, pending, said].every(isIds)) throw wrong()
  const isNumbers = (value: unknown) => Array.isArray(value) && value.every(Number.isFinite)
  if (memory.sampler && !(Array.isArray(memory.sampler.processors) && memory.sampler.processors.every(isNumbers))) throw wrong()
  return memory
}
