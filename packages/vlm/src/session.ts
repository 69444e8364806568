/**
 * A session: a conversation that grows. Text and images go in, the logits of the next token come out.
 *
 * The fusion decides how much memory an image takes: with CASA the cache holds text only and a new image replaces the previous one, so
 * memory depends on the text only; with insertion image tokens are stored in the cache, which grows with every image.
 */
import { ArgumentError, ConfigError, StateError, type RgbImage } from '@casa-js/base'
import { type ImageSlot, type Patches } from '@casa-js/core'
import { createSequence, type Prediction } from '@casa-js/sequence'
import { concat, dispose, keep, scope, type Tensor } from '@casa-js/tensor'
import { planEncoder } from '@casa-js/vision/internal'
import { createAttentionReader, type LayerAttention } from './attention-weights.ts'
import type { VlmModel } from './model.ts'
import { nextTask } from './next-task.ts'
import { checkChoice, chooseToken, type Sampler } from './sampling/index.ts'
import { decodeSession, encodeSession } from './session-file.ts'
import { cutInput } from './session-pieces.ts'

export interface SessionOptions {
  /**
   * Capacity of the cache: text tokens with CASA, text and image tokens with insertion. Default: 1,024; never more than the model's
   * `max_position_embeddings`.
   */
  capacityTokens?: number | undefined
  /**
   * Run what repeats from a plan: recorded twice, then replayed, without the cost of finding kernels and making tensors. Tokens of text, the
   * frames of a video, pieces of a long prompt. Backbones and fusions that are not `replayable`, and the cpu device, run op by op anyway. Default: true.
   */
  plan?: boolean | undefined
}

/** An image and its position among the ids. */
export type SessionImage = {
  /** Index of the token after the image. */
  before: number
  /** Index of the first marker token before it, if there is one. */
  from?: number | undefined
} & ({ image: RgbImage } | { /** Ready for the encoder. */ patches: Patches })

export interface SessionInput {
  ids: Int32Array
  /** In order. */
  images: SessionImage[]
}

export interface AppendOptions {
  /** Aborts between chunks of 512 tokens and between images, with the signal's reason; the session is then unchanged. */
  signal?: AbortSignal | undefined
  /**
   * Called before the logits with the last token's attention in each layer that attends to images separately, as CASA's layers do.
   * Costs a small matrix product and a read-back per layer.
   */
  onAttention?: ((layers: LayerAttention[]) => void) | undefined
}

/** Created by `createSession`. One call at a time; the caller disposes it. */
export interface Session {
  /** Tokens in the cache. */
  readonly tokens: number
  readonly capacityTokens: number
  /**
   * Append text and images to the conversation; each image comes before one of the tokens. Yields to timers and events before each chunk.
   * @returns the logits of the last token, Float32Array [V]
   * @throws CasaError when it does not fit, or an id or an image is wrong; the session is then unchanged.
   * @throws StateError after `dispose`, and while another call is running.
   */
  append(given: SessionInput, options?: AppendOptions): Promise<Float32Array>
  /**
   * Append, and choose the token that follows. Where the sampler needs only the largest logits, a GPU selects them and only these are read
   * back.
   * @param history all ids before the given ones, for the sampler
   * @returns the token's id
   * @throws what `append` does, and what the sampler throws; the session is then unchanged.
   */
  choose(given: SessionInput, sampler: Sampler, history: readonly number[], options?: AppendOptions): Promise<number>
  /** Cache tokens that an image takes: none with CASA. */
  imageTokens(image: RgbImage): number
  /**
   * Forget everything after the first `tokens` tokens, and every image: later text sees no image until another one is appended.
   * @throws StateError when images are in the cache, or there are fewer tokens.
   */
  truncate(tokens: number): void
  /**
   * The session's state as bytes, for `load` of a session of the same model: after a restart, or to branch from one state.
   * @param notes anything else to save with it, as strings by name
   */
  save(notes?: Record<string, string>): Promise<Uint8Array>
  /**
   * Continue from saved bytes.
   * @returns the notes that were saved with them
   * @throws ArgumentError when the bytes are from another model, are not a saved session, or hold too many tokens; the session is then unchanged.
   */
  load(bytes: Uint8Array): Promise<Record<string, string>>
  /** Frees its memory; a running call rejects with a StateError. */
  dispose(): void
}

const DEFAULT_CAPACITY_TOKENS = 1024

/** An empty session of a model. The caller disposes it. @throws ConfigError when capacityTokens is not a positive integer. */
export function createSession(model: VlmModel, options: SessionOptions = {}): Session {
  const { backbone, fusion, vision } = model
  const { capacityTokens: wanted = DEFAULT_CAPACITY_TOKENS, plan } = options
  if (!(Number.isInteger(wanted) && wanted > 0))
    throw new ConfigError('createSession: capacityTokens', `expected a whole number above 0, found ${wanted}`)
  const capacityTokens = Math.min(wanted, backbone.maxPositions ?? wanted)
  const sequence = createSequence(backbone, fusion, { capacityTokens, plan })
  const encoder = plan === false ? undefined : planEncoder({ encode: (images) => model.encodeImages(images) })
  let busy = false
  let disposed = false

  function checkAlive() {
    if (disposed) throw new StateError('this session was disposed: create another')
    model.checkAlive()
  }

  function free() {
    if (model.deviceClosed) return
    sequence.dispose()
    encoder?.dispose()
  }

  /** Runs one call at a time, and frees memory after the last. */
  async function alone<T>(f: () => Promise<T>): Promise<T> {
    checkAlive()
    if (busy) throw new StateError('this session is still at work on the call before: wait for it')
    busy = true
    try {
      return await f()
    } catch (error) {
      // Whatever a pass on a closed device threw, the cause is that the device was closed.
      checkAlive()
      throw error
    } finally {
      busy = false
      if (disposed) free()
    }
  }

  /** Yield to other tasks, then check that the session and its device still exist. */
  async function giveWay(signal: AbortSignal | undefined) {
    await nextTask()
    signal?.throwIfAborted()
    checkAlive()
  }

  function needVision() {
    if (!vision) throw new ArgumentError('this model has no vision encoder: it takes text only')
    return vision
  }

  async function placed(
    { ids, images }: SessionInput,
    signal?: AbortSignal,
  ): Promise<{ patches: Patches[]; slots: ImageSlot[] }> {
    const patches: Patches[] = []
    const slots: ImageSlot[] = []
    for (const [i, given] of images.entries()) {
      const { before, from } = given
      if (!(Number.isInteger(before) && before >= 0 && before < ids.length)) {
        throw new ArgumentError(
          `append: image ${i} stands before token ${before} of ${ids.length}: an image must stand before a token that is given with it`,
        )
      }
      needVision()
      if (i > 0) await giveWay(signal)
      const ready = 'patches' in given ? given.patches : model.process(given.image)
      const tokens = needVision().tokens(ready.grid)
      patches.push(ready)
      slots.push({ sample: 0, before, ...(from !== undefined && { from }), tokens, grid: needVision().outputGrid(ready.grid) })
    }
    return { patches, slots }
  }

  /** Encodes one image at a time, so that an abort takes effect between images. [sum of tokens, D], kept. */
  async function encode(patches: Patches[], signal?: AbortSignal): Promise<Tensor | undefined> {
    const encoded: Tensor[] = []
    try {
      for (const each of patches) {
        if (encoded.length > 0) await giveWay(signal)
        encoded.push(encoder ? encoder.encode(each) : scope(() => keep(model.encodeImages([each]))))
      }
      return encoded.length <= 1 ? encoded.pop() : keep(concat(encoded, 0))
    } finally {
      dispose(...encoded)
    }
  }

  /** Appends, and returns what `read` makes of the prediction of the next token. */
  async function append<T>(
    given: SessionInput,
    { signal, onAttention }: AppendOptions,
    read: (prediction: Prediction) => Promise<T>,
  ): Promise<T> {
    const { ids } = given
    await giveWay(signal)
    if (ids.length === 0) throw new ArgumentError('append: give at least one token')
    const { patches, slots } = await placed(given, signal)
    const needed = sequence.tokens + sequence.cost({ ids, slots })
    if (needed > capacityTokens) {
      const way =
        capacityTokens < wanted ? "it is the model's max_position_embeddings" : 'raise capacityTokens, or begin another session'
      throw new ArgumentError(`the conversation needs ${needed} tokens and the session holds ${capacityTokens}: ${way}`)
    }
    const attention = onAttention && createAttentionReader()
    return sequence.transaction(async () => {
      let prediction: Prediction | undefined
      try {
        for (const { begin, end, firstSlot, lastSlot } of cutInput(ids.length, slots)) {
          if (begin > 0) await giveWay(signal)
          const images = await encode(patches.slice(firstSlot, lastSlot), signal)
          try {
            const here = slots.slice(firstSlot, lastSlot).map((slot) => ({
              ...slot,
              before: slot.before - begin,
              ...(slot.from !== undefined && { from: slot.from - begin }),
            }))
            const input = { ids: ids.subarray(begin, end), slots: here, ...(images && { images }) }
            prediction?.dispose()
            prediction = sequence.predict(input, end < ids.length ? {} : { onAttention: attention?.onAttention })
          } finally {
            dispose(images)
          }
        }
        const result = await read(prediction!)
        if (attention) onAttention(await attention.read())
        checkAlive()
        return result
      } finally {
        attention?.dispose()
        prediction?.dispose()
      }
    })
  }

  async function choose(sampler: Sampler, ids: () => number[], prediction: Prediction): Promise<number> {
    const { shortlist, greedy } = sampler
    if (greedy) {
      const id = await prediction.likeliest()
      if (id !== undefined) return checkChoice(id, backbone.vocabSize)
    } else if (shortlist) {
      const { values, ids: candidates } = await prediction.largest(shortlist.count)
      const id = shortlist.choose(values, candidates)
      if (id !== undefined) return checkChoice(id, backbone.vocabSize)
    }
    return chooseToken(sampler, await prediction.logits(), ids())
  }

  function now<T>(f: () => T): T {
    checkAlive()
    if (busy) throw new StateError('this session is still at work on the call before: wait for it')
    return f()
  }

  return {
    capacityTokens,
    get tokens() {
      return sequence.tokens
    },
    append: (given, appendOptions = {}) => alone(() => append(given, appendOptions, (prediction) => prediction.logits())),
    choose: (given, sampler, history, appendOptions = {}) =>
      alone(() => append(given, appendOptions, (prediction) => choose(sampler, () => [...history, ...given.ids], prediction))),
    imageTokens(image) {
      checkAlive()
      const tokens = needVision().tokens(model.process(image).grid)
      return fusion.imagesInCache ? tokens : 0
    },
    truncate: (tokens) => now(() => sequence.truncate(tokens)),
    save: (notes) => alone(async () => encodeSession(model, await sequence.read(), notes)),
    load: (bytes) =>
      alone(async () => {
        const { contents, notes } = await decodeSession(model, bytes)
        sequence.write(contents)
        return notes
      }),
    dispose() {
      if (disposed) return
      disposed = true
      if (!busy) free()
    },
  }
}
