/**
 * Packing: several encoded samples become one stream of T text tokens with boundaries and image slots.
 *
 *     samples     a b c | d e            answers        . . 1 | . 1
 *     ids         a b c d e              cu             0 3 5
 *     targets     b c 0 e 0              weights        0 1 0 1 0
 *
 * A token never predicts across a boundary, and only answer tokens are predicted (ARCHITECTURE.md, conventions).
 */
import { CasaError } from '@casa-js/base'
import type { EncodedSample, Layout, PackedBatch, Patches, RgbImage, VisionEncoder } from '@casa-js/core'

/** What packing needs of a model: `vlm.model` as it is. */
export interface ImageModel {
  /** Pixels -> patches for the model's encoder. */
  process(image: RgbImage): Patches
  /** Without it, samples must hold no pictures. */
  vision?: Pick<VisionEncoder, 'tokens' | 'outputGrid'> | undefined
}

/** A sample whose images are already patches; the pixels are freed. */
export interface PreparedSample {
  ids: Int32Array
  /** 1 where a token belongs to an answer. */
  answer: Uint8Array
  pictures: PreparedPicture[]
  /** Image tokens of all pictures. */
  imageTokens: number
}

export interface PreparedPicture {
  /** The token that the picture stands before. */
  before: number
  /** The first of the tokens that mark its place, where the template has such. */
  from?: number
  patches: Patches
  /** Image tokens that it becomes. */
  tokens: number
  /** Grid of those tokens, for multi-section rotary positions. */
  grid: Patches['grid']
}

/**
 * Checks a sample and turns its pictures into patches.
 *
 * @param what name of the sample in errors
 * @throws CasaError for a sample without tokens, of unequal lengths, with image slots out of range or order, or with pictures for a
 *   model without a vision encoder
 */
export function prepareSample(sample: EncodedSample, model: ImageModel, what = 'sample'): PreparedSample {
  const { ids, answer, images } = sample
  if (ids.length === 0) throw new CasaError(`${what}: it has no tokens; a sample needs at least one`)
  if (answer.length !== ids.length) {
    throw new CasaError(`${what}: answer marks ${answer.length} tokens but there are ${ids.length}; they must be of one length`)
  }
  const pictures = images.map(({ before, from, image }, index): PreparedPicture => {
    const least = index === 0 ? 0 : images[index - 1]!.before
    if (!Number.isInteger(before) || before < least || before > ids.length) {
      throw new CasaError(`${what}: image ${index} stands before token ${before}; expected ${least}..${ids.length}, in order`)
    }
    if (from !== undefined && (!Number.isInteger(from) || from < least || from > before)) {
      throw new CasaError(`${what}: the marks of image ${index} begin at token ${from}; expected ${least}..${before}`)
    }
    if (!model.vision) throw new CasaError(`${what} has pictures, but the model has no vision encoder`)
    const patches = model.process(image)
    const [tokens, grid] = [model.vision.tokens(patches.grid), model.vision.outputGrid(patches.grid)]
    return { before, ...(from !== undefined && { from }), patches, tokens, grid }
  })
  return { ids, answer, pictures, imageTokens: pictures.reduce((sum, { tokens }) => sum + tokens, 0) }
}

/**
 * Packs prepared samples in the order given.
 *
 * @returns ids, targets int32 [T]; weights float32 [T]; layout.cu [samples + 1]; patches in the order of layout.images. No samples
 *   give an empty batch (T = 0).
 */
export function packPrepared(samples: readonly PreparedSample[]): PackedBatch {
  const cu = new Int32Array(samples.length + 1)
  samples.forEach(({ ids }, index) => (cu[index + 1] = cu[index]! + ids.length))
  const tokens = cu[samples.length]!
  const ids = new Int32Array(tokens)
  const targets = new Int32Array(tokens)
  const weights = new Float32Array(tokens)
  const images: Layout['images'] = []
  const patches: Patches[] = []

  samples.forEach((one, sample) => {
    const start = cu[sample]!
    ids.set(one.ids, start)
    targets.set(one.ids.subarray(1), start)
    weights.set(one.answer.subarray(1), start)
    for (const { before, from, tokens: own, grid, patches: pixels } of one.pictures) {
      images.push({ sample, before: start + before, ...(from !== undefined && { from: start + from }), tokens: own, grid })
      patches.push(pixels)
    }
  })
  return { ids, layout: { tokens, cu, images }, patches, targets, weights }
}

/**
 * Packs encoded samples into one batch: `prepareSample`, then `packPrepared`.
 *
 * @throws CasaError naming the sample that breaks the contract of EncodedSample.
 */
export function packSamples(samples: readonly EncodedSample[], model: ImageModel): PackedBatch {
  return packPrepared(samples.map((sample, index) => prepareSample(sample, model, `sample ${index}`)))
}
