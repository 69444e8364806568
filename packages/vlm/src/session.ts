/**
 * A session: a conversation that grows. It owns the text's KV cache and the CASA state, and runs one pass per window.
 *
 * With CASA the cache holds text only and a new image drops the window's state, so memory follows the text alone. With insertion
 * image tokens stand in the cache itself and it grows with every image.
 */
import { createCasaState, planInsertion, windowSpans, type CasaState } from '@casa-js/casa'
import { CasaError } from '@casa-js/base'
import { type Fuse, type Layout, type Patches, type RgbImage } from '@casa-js/core'
import { concat, dispose, gatherRows, keep, scope, slice, type Tensor } from '@casa-js/tensor'
import { runLayers, type VlmModel } from './model.ts'

export interface SessionOptions {
  /** Most tokens of the whole conversation: text tokens with CASA, text and image tokens with insertion. */
  capacityTokens?: number
  /** CASA: most image tokens of one window. Found from the first images when not given. */
  imageCapacityTokens?: number
  /** CASA: most text tokens of one window. `capacityTokens` unless given. */
  windowCapacityTokens?: number
}

export interface SessionInput {
  ids: Int32Array
  /** Pixels, or patches that are ready, each with the token it stands before, in order. */
  images: ({ before: number; image: RgbImage } | { before: number; patches: Patches })[]
}

export interface Session {
  /** Tokens in the cache. */
  readonly tokens: number
  readonly capacityTokens: number
  /**
   * Take in more of the conversation: text and images. Returns the logits of the last text token, Float32Array [V].
   * An image after the last token opens a window that the next call's text belongs to.
   */
  append(given: SessionInput): Promise<Float32Array>
  /** Cache tokens that an image takes: none with CASA. */
  imageTokens(image: RgbImage): number
  /**
   * Forget everything after the first `tokens`, the current window with it: what comes next sees no picture until one is given.
   * @throws CasaError with insertion, whose cache holds images, and when there are fewer tokens.
   */
  truncate(tokens: number): void
  dispose(): void
}

/** An encoded image and its place. */
interface Picture {
  patches: Patches
  tokens: number
  grid: Patches['grid']
  before: number
}

const DEFAULT_CAPACITY_TOKENS = 1024

export function createSession(model: VlmModel, options: SessionOptions = {}): Session {
  const { backbone, config, vision } = model
  const { fusion } = config
  const capacityTokens = options.capacityTokens ?? DEFAULT_CAPACITY_TOKENS
  const cache = backbone.createCache(capacityTokens)
  let state: CasaState | undefined
  let imageCapacity = options.imageCapacityTokens ?? 0
  let nextPosition = 0
  let broken = false

  function pictures(images: SessionInput['images']): Picture[] {
    return images.map((given) => {
      const patches = 'patches' in given ? given.patches : model.process(given.image)
      return { patches, before: given.before, tokens: vision!.tokens(patches.grid), grid: vision!.outputGrid(patches.grid) }
    })
  }

  const layoutOf = (tokens: number, list: Picture[]): Layout => ({
    tokens,
    cu: Int32Array.of(0, tokens),
    images: list.map(({ before, tokens: count, grid }) => ({ sample: 0, before, tokens: count, grid })),
  })

  /** The CASA state, made again with more room when a window brings more image tokens than any before it. */
  function stateFor(imageTokens: number): CasaState {
    if (fusion.kind !== 'casa') throw new CasaError('this model has no CASA layers')
    if (!state || imageTokens > imageCapacity) {
      if (state && options.imageCapacityTokens !== undefined) {
        throw new CasaError(`a window of ${imageTokens} image tokens does not fit imageCapacityTokens ${imageCapacity}`)
      }
      state?.dispose()
      imageCapacity = Math.max(imageCapacity, imageTokens)
      state = createCasaState(fusion.casa, model.params, backbone, {
        imageCapacityTokens: imageCapacity,
        textCapacityTokens: options.windowCapacityTokens ?? capacityTokens,
      })
    }
    return state
  }

  /** One pass over embedded rows; returns the logits of the last. */
  function pass(x: Tensor, positions: Parameters<typeof backbone.rotary>[0], fuse?: Fuse): Tensor {
    const rows = x.shape[0]
    const step = { tokens: rows, cu: Int32Array.of(0, rows), rotary: backbone.rotary(positions), cache }
    const out = runLayers(backbone, x, step, fuse)
    return backbone.logits(backbone.finish(slice(out, [rows - 1, 0], [1, backbone.width])))
  }

  const sequential = (rows: number) => Int32Array.from({ length: rows }, (_, t) => cache.length + t)

  function passByWindow(ids: Int32Array, list: Picture[]): Tensor | undefined {
    let last: Tensor | undefined
    for (const span of windowSpans(layoutOf(ids.length, list))) {
      const images = list.slice(span.imageBegin, span.imageEnd)
      const slots = layoutOf(0, images).images
      const active = stateFor(images.reduce((sum, { tokens }) => sum + tokens, 0))
      if (images.length > 0)
        scope(() => active.startWindow({ features: model.encodeImages(images.map(({ patches }) => patches)), slots }))
      const part = ids.subarray(span.textBegin, span.textEnd)
      if (part.length === 0) continue
      dispose(last)
      last = scope(() => keep(pass(backbone.embed(part), sequential(part.length), active.fuse(part.length))))
      cache.length += part.length
      active.advance(part.length)
    }
    return last
  }

  function passByInsertion(ids: Int32Array, list: Picture[]): Tensor {
    const plan = planInsertion(layoutOf(ids.length, list), backbone.positionRows, nextPosition)
    const logits = scope(() => {
      const text = backbone.embed(ids)
      const x =
        list.length > 0 ? gatherRows(concat([model.encodeImages(list.map(({ patches }) => patches)), text], 0), plan.order) : text
      return keep(pass(x, plan.positions))
    })
    cache.length += plan.order.length
    nextPosition = plan.nextPositions[0]!
    return logits
  }

  return {
    capacityTokens,
    get tokens() {
      return cache.length
    },
    async append({ ids, images }) {
      if (broken) throw new CasaError('this session failed half-way through a pass: start a new one')
      if (images.length > 0 && !vision) throw new CasaError('this model has no vision encoder: it takes text only')
      if (ids.length === 0) throw new CasaError('append: give at least one token')
      const list = pictures(images)
      const needed =
        cache.length + ids.length + (fusion.kind === 'insertion' ? list.reduce((sum, { tokens }) => sum + tokens, 0) : 0)
      if (needed > capacityTokens) {
        throw new CasaError(
          `the conversation needs ${needed} tokens and the session holds ${capacityTokens}: raise capacityTokens`,
        )
      }
      broken = true
      const logits = fusion.kind === 'casa' ? passByWindow(ids, list) : passByInsertion(ids, list)
      try {
        const values = (await logits!.data()) as Float32Array
        broken = false
        return values
      } finally {
        dispose(logits)
      }
    },
    imageTokens: (image) => (fusion.kind === 'insertion' ? vision!.tokens(model.process(image).grid) : 0),
    truncate(tokens) {
      if (fusion.kind === 'insertion')
        throw new CasaError('truncate: with insertion the cache holds images too: start a new session')
      cache.truncate(tokens)
      nextPosition = tokens
      state?.startWindow()
    },
    dispose() {
      cache.dispose()
      state?.dispose()
    },
  }
}
