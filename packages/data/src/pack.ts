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
import type { EncodedSample, Layout, PackedBatch, Patches, RgbImage } from '@casa-js/core'

/** What packing must know of the vision encoder. */
export interface ImageRules {
  /** Pixels -> patches, as the encoder's family wants them. */
  process(image: RgbImage): Patches
  /** Image tokens that a grid of patches becomes. */
  tokensOf(grid: Patches['grid']): number
  /** Grid of those tokens, for multi-section rotary; without it the layout carries no grids. */
  outputGrid?(grid: Patches['grid']): Patches['grid']
}

/** A sample whose pictures are already patches, with its price in tokens. */
export interface PreparedSample {
  sample: EncodedSample
  patches: Patches[]
  /** Image tokens of each picture. */
  imageTokens: number[]
}

/** @throws CasaError for a sample without tokens, of unequal lengths, or with image slots out of range or order. */
export function prepareSample(sample: EncodedSample, rules: ImageRules, what = 'sample'): PreparedSample {
  const { ids, answer, images } = sample
  if (ids.length === 0) throw new CasaError(`${what}: it has no tokens; a sample needs at least one`)
  if (answer.length !== ids.length) {
    throw new CasaError(`${what}: answer marks ${answer.length} tokens but there are ${ids.length}; they must be of one length`)
  }
  images.forEach(({ before, from = before }, index) => {
    const least = index === 0 ? 0 : images[index - 1]!.before
    if (!Number.isInteger(before) || before < least || before > ids.length) {
      throw new CasaError(`${what}: image ${index} stands before token ${before}; expected ${least}..${ids.length}, in order`)
    }
    if (!Number.isInteger(from) || from < least || from > before) {
      throw new CasaError(`${what}: the marks of image ${index} begin at token ${from}; expected ${least}..${before}`)
    }
  })
  const patches = images.map(({ image }) => rules.process(image))
  return { sample, patches, imageTokens: patches.map(({ grid }) => rules.tokensOf(grid)) }
}

/** Pack prepared samples in the order given. */
export function packPrepared(prepared: PreparedSample[], rules: ImageRules): PackedBatch {
  const cu = new Int32Array(prepared.length + 1)
  prepared.forEach(({ sample }, index) => (cu[index + 1] = cu[index]! + sample.ids.length))
  const tokens = cu[prepared.length]!
  const ids = new Int32Array(tokens)
  const targets = new Int32Array(tokens)
  const weights = new Float32Array(tokens)
  const images: Layout['images'] = []
  const patches: Patches[] = []

  prepared.forEach(({ sample, patches: own, imageTokens }, index) => {
    const start = cu[index]!
    ids.set(sample.ids, start)
    targets.set(sample.ids.subarray(1), start)
    weights.set(sample.answer.subarray(1), start)
    sample.images.forEach(({ before, from }, slot) => {
      const grid = rules.outputGrid?.(own[slot]!.grid)
      images.push({
        sample: index,
        before: start + before,
        ...(from !== undefined && { from: start + from }),
        tokens: imageTokens[slot]!,
        ...(grid && { grid }),
      })
      patches.push(own[slot]!)
    })
  })
  return { ids, layout: { tokens, cu, images }, patches, targets, weights }
}

/**
 * Samples -> one batch. ids, targets int32 [T]; weights float32 [T]; layout.cu [samples + 1]; patches in the order of
 * layout.images. No samples give an empty batch (T = 0).
 * @throws CasaError naming the sample that breaks the contract of EncodedSample.
 */
export function packSamples(samples: EncodedSample[], rules: ImageRules): PackedBatch {
  return packPrepared(
    samples.map((sample, index) => prepareSample(sample, rules, `sample ${index}`)),
    rules,
  )
}
