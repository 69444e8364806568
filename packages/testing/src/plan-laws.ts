/** The law of planned steps: pieces run from a plan give the logits of the op-by-op path, whatever happens in between. */
import { textOnly, type Backbone, type Fusion, type ImageSlot } from '@casa-js/core'
import { createSequence, type Sequence } from '@casa-js/sequence'
import { dispose, keep, memory, report, tensor, type MemoryUse } from '@casa-js/tensor'
import { expect } from 'vitest'
import { expectNear } from './compare.ts'
import { randomIds } from './random-params.ts'

interface Piece {
  ids: Int32Array
  /** Image tokens in front of its second token. */
  imageTokens?: number
}

/**
 * Text token by token, an image in the middle if the fusion takes them, a longer piece of text in between. The third image has the size of
 * the first, in whose tensors a fusion may put it. Then frames of a video, each with its text, and pieces of a prompt.
 */
function piecesFor({ vocabSize }: Backbone, withImages: boolean): Piece[] {
  let seed = 0
  const text = (tokens: number): Piece => ({ ids: randomIds(tokens, vocabSize, ++seed) })
  const single = (count: number) => Array.from({ length: count }, () => text(1))
  const image = (tokens: number, imageTokens: number): Piece => ({ ...text(tokens), ...(withImages && { imageTokens }) })
  const third = withImages ? [image(2, 3), ...single(3)] : []
  const frames = Array.from({ length: 7 }, (_, i) => [image(3, 3), ...single(i === 4 ? 2 : 1)]).flat()
  const prompt = Array.from({ length: 4 }, () => text(5))
  return [image(4, 3), ...single(5), text(3), ...single(3), image(2, 2), ...single(5), ...third, ...frames, ...prompt]
}

/**
 * A sequence that plans gives the logits of one that does not, after every piece: the same bits where the plan runs the same kernels (wasm),
 * otherwise within `tolerance` of the largest. After it is disposed, no tensor and no byte is left.
 * @param options.tokens the least number of tokens that must have been run from a plan, where the device plans
 * @param options.longer the least number of them in pieces of several tokens
 */
export async function plannedEqualsOpByOp(
  backbone: Backbone,
  { fusion, tolerance, tokens = 4, longer = 10 }: { fusion?: Fusion; tolerance: number; tokens?: number; longer?: number },
): Promise<void> {
  const { device } = report()
  const before = memory()
  const sequences = [true, false].map((plan) => createSequence(backbone, fusion ?? textOnly, { capacityTokens: 120, plan }))
  const [planned, reference] = sequences as [Sequence, Sequence]
  let lastUse = 0
  let held: MemoryUse | undefined
  try {
    for (const [i, piece] of piecesFor(backbone, fusion !== undefined).entries()) {
      const found = await logitsAfter(planned, piece, i)
      const expected = await logitsAfter(reference, piece, i)
      const what = `logits of piece ${i}, ${planned.planUse.tokens} tokens of it planned`
      if (device === 'wasm') expect(found, what).toEqual(expected)
      else
        expectNear(what, found, expected, tolerance, 'the plan fuses kernels wrongly, or a number that grows is not known to it')
      expect(planned.state.values).toEqual(reference.state.values)
      const use = planned.planUse.tokens
      const isPlanned = use > lastUse
      // A later image frees the tensors of an earlier one, and plans that no longer fit.
      if (isPlanned && held && piece.ids.length === 1)
        expect(memory(), `memory after piece ${i}, which was planned like the one before`).toEqual(held)
      held = isPlanned && piece.ids.length === 1 ? memory() : undefined
      lastUse = use
    }
    const { tokens: run, inLongerSteps, refused } = planned.planUse
    if (device === 'cpu') expect(run, 'the reference device does not plan').toBe(0)
    else {
      expect(run, `tokens run from a plan; the last refusal: ${refused}`).toBeGreaterThanOrEqual(tokens)
      expect(inLongerSteps, `tokens of them in longer steps; the last refusal: ${refused}`).toBeGreaterThanOrEqual(longer)
    }
    expect(reference.planUse.tokens, 'tokens planned although plans are off').toBe(0)
  } finally {
    for (const sequence of sequences) sequence.dispose()
  }
  expect(memory(), 'memory after the sequence').toEqual(before)
}

async function logitsAfter(sequence: Sequence, { ids, imageTokens = 0 }: Piece, seed: number): Promise<Float32Array> {
  const { width } = sequence.backbone
  const slots: ImageSlot[] =
    imageTokens > 0 ? [{ sample: 0, before: 1, tokens: imageTokens, grid: { rows: 1, columns: imageTokens } }] : []
  const values = Float32Array.from({ length: imageTokens * width }, (_, i) => Math.cos(3 * i + seed))
  const images = imageTokens > 0 ? keep(tensor(values, [imageTokens, width])) : undefined
  const prediction = sequence.predict({ ids, slots, ...(images && { images }) })
  try {
    return (await prediction.logits()).slice()
  } finally {
    prediction.dispose()
    dispose(images)
  }
}
