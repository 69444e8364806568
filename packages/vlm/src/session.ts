/**
 * A session: a conversation that grows. Text and images go in, the logits of the next token come out.
 *
 * How much an image costs, and what is remembered of it, is the fusion's to say: with CASA the cache holds text only and a new image
 * drops the one before, so memory follows the text alone; with insertion image tokens stand in the cache itself and it grows with
 * every image.
 */
import { CasaError, type RgbImage } from '@casa-js/base'
import { createSequence, type ImageSlot, type Patches } from '@casa-js/core'
import { concat, dispose, keep, scope, type Tensor } from '@casa-js/tensor'
import type { VlmModel } from './model.ts'

export interface SessionOptions {
  /** Most tokens in the cache: text tokens with CASA, text and image tokens with insertion. 1,024 unless given. */
  capacityTokens?: number
}

/** An image and its place among the ids. */
export type SessionImage = {
  /** Index of the token that it stands before. */
  before: number
  /** Index of the first token that marks it in front, where one does. */
  from?: number
} & ({ image: RgbImage } | { /** Ready for the encoder. */ patches: Patches })

export interface SessionInput {
  ids: Int32Array
  /** In order. */
  images: SessionImage[]
}

export interface Session {
  /** Tokens in the cache. */
  readonly tokens: number
  readonly capacityTokens: number
  /**
   * Take in more of the conversation: text and images, each before one of its tokens.
   * @returns the logits of the last token, Float32Array [V]
   * @throws CasaError when it does not fit, or an id or an image is wrong; then the session is what it was before.
   */
  append(given: SessionInput): Promise<Float32Array>
  /** Cache tokens that an image takes: none with CASA. */
  imageTokens(image: RgbImage): number
  /**
   * Forget everything after the first `tokens`, and every image: what comes next sees no picture until one is given.
   * @throws CasaError where images stand in the cache, and when there are fewer tokens.
   */
  truncate(tokens: number): void
  dispose(): void
}

const DEFAULT_CAPACITY_TOKENS = 1024

/** An empty session of a model. The caller disposes it. */
export function createSession(model: VlmModel, options: SessionOptions = {}): Session {
  const { backbone, fusion, vision } = model
  const capacityTokens = options.capacityTokens ?? DEFAULT_CAPACITY_TOKENS
  const sequence = createSequence(backbone, fusion, { capacityTokens })
  let busy = false

  function needVision() {
    if (!vision) throw new CasaError('this model has no vision encoder: it takes text only')
    return vision
  }

  function placed({ ids, images }: SessionInput): { patches: Patches[]; slots: ImageSlot[] } {
    const patches = images.map((given) => ('patches' in given ? given.patches : model.process(given.image)))
    const slots = images.map(({ before, from }, i): ImageSlot => {
      if (!(Number.isInteger(before) && before >= 0 && before < ids.length)) {
        throw new CasaError(
          `append: image ${i} stands before token ${before} of ${ids.length}: an image must stand before a token that is given with it`,
        )
      }
      const { grid } = patches[i]!
      const tokens = needVision().tokens(grid)
      return { sample: 0, before, ...(from !== undefined && { from }), tokens, grid: needVision().outputGrid(grid) }
    })
    return { patches, slots }
  }

  async function append(given: SessionInput): Promise<Float32Array> {
    const { ids } = given
    if (ids.length === 0) throw new CasaError('append: give at least one token')
    if (given.images.length > 0) needVision()
    const { patches, slots } = placed(given)
    const needed = sequence.tokens + sequence.cost({ ids, slots })
    if (needed > capacityTokens) {
      throw new CasaError(`the conversation needs ${needed} tokens and the session holds ${capacityTokens}: raise capacityTokens`)
    }
    return sequence.transaction(async () => {
      let images: Tensor | undefined
      let hidden: Tensor | undefined
      let logits: Tensor | undefined
      try {
        if (patches.length > 0) {
          const encoded = scope(() => patches.map((each) => keep(model.encodeImages([each]))))
          images = encoded.length === 1 ? encoded[0] : keep(concat(encoded, 0))
          if (encoded.length > 1) dispose(...encoded)
        }
        hidden = sequence.advance({ ids, slots, ...(images && { images }) }, { last: true })
        logits = scope(() => keep(backbone.logits(hidden!)))
        return (await logits.data()) as Float32Array
      } finally {
        dispose(images, hidden, logits)
      }
    })
  }

  return {
    capacityTokens,
    get tokens() {
      return sequence.tokens
    },
    async append(given) {
      if (busy) throw new CasaError('append: this session is still taking in what was given before: wait for it')
      busy = true
      try {
        return await append(given)
      } finally {
        busy = false
      }
    },
    imageTokens: (image) => {
      const tokens = needVision().tokens(model.process(image).grid)
      return fusion.imagesInCache ? tokens : 0
    },
    truncate: (tokens) => sequence.truncate(tokens),
    dispose: () => sequence.dispose(),
  }
}
