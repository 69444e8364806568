/**
 * Token insertion, the full baseline (eq. 1): image tokens are part of the text stream and every layer processes them.
 * Positions follow Qwen2.5-VL's rule for multi-section rotary (arXiv 2502.13923, section 2.1.3): an image has one time index and
 * its grid of rows and columns, and text continues from the largest index + 1. With one position row, every token counts.
 */
import { defineFusion, Fields, type Fusion, type FusionPass, type FusionState, type Layout, type Positions } from '@casa-js/core'
import { concat, gatherRows, type Tensor } from '@casa-js/tensor'
import { asPositions, checkLayout, imagePositions } from './windows.ts'

export interface InsertionPlan {
  /** For each row of the joint stream, its row in [all image tokens, then all text tokens]. */
  order: Int32Array
  /** Sample boundaries over the joint stream. */
  cu: Int32Array
  positions: Positions
  /** The row of each text token in the joint stream. */
  textRows: Int32Array
  /** The position of the next token, per sample. */
  nextPositions: Int32Array
}

/**
 * Where every token of the joint stream comes from, and its position.
 * @param positionRows 3 for multi-section rotary, where every image needs its grid
 * @param start first position of the first sample: where the earlier pass ended
 * @throws CasaError when slots are out of order or outside their sample, or an image lacks its grid
 */
export function planInsertion(layout: Layout, positionRows: 1 | 3, start = 0): InsertionPlan {
  checkLayout(layout)
  const { cu, images } = layout
  const imageTokens = images.reduce((sum, image) => sum + image.tokens, 0)
  const order: number[] = []
  const boundaries = [0]
  const textRows: number[] = []
  const nextPositions: number[] = []
  const rows: number[][] = [[], [], []]
  let slot = 0
  let imageRow = 0
  for (let sample = 0; sample + 1 < cu.length; sample++) {
    let position = sample === 0 ? start : 0
    for (let t = cu[sample]!; t <= cu[sample + 1]!; t++) {
      for (; slot < images.length && images[slot]!.sample === sample && images[slot]!.before === t; slot++) {
        const placed = imagePositions([images[slot]!], positionRows)
        for (let i = 0; i < images[slot]!.tokens; i++) {
          order.push(imageRow++)
          for (let r = 0; r < positionRows; r++) rows[r]!.push(position + placed.rows[r]![i]!)
        }
        position += placed.next
      }
      if (t === cu[sample + 1]) break
      textRows.push(order.length)
      order.push(imageTokens + t)
      for (let r = 0; r < positionRows; r++) rows[r]!.push(position)
      position++
    }
    boundaries.push(order.length)
    nextPositions.push(position)
  }
  return {
    order: Int32Array.from(order),
    cu: Int32Array.from(boundaries),
    positions: asPositions(rows, positionRows),
    textRows: Int32Array.from(textRows),
    nextPositions: Int32Array.from(nextPositions),
  }
}

/** The state between passes: the position after the last token. */
export type InsertionState = FusionState<{ nextPosition: number }>

const passOf = ({ order, cu, positions, textRows }: InsertionPlan, images: Tensor | undefined): FusionPass => ({
  count: order.length,
  cu,
  positions,
  ...(images && { rows: (text: Tensor) => gatherRows(concat([images, text], 0), order), textRows }),
})

/** Token insertion as a fusion: no weights and no hook, but more rows. Its image tokens are stored in the KV cache. */
export const insertion = defineFusion<object>({
  kind: 'insertion',
  parseConfig: (json, path = 'config.json: fusion_config') => new Fields(json, path),
  tensors: () => [],
  bind(_config, _params, backbone): Fusion<InsertionState> {
    return {
      imagesInCache: true,
      replayable: true,
      pass: (layout, images) => passOf(planInsertion(layout, backbone.positionRows), images),
      start: () => ({ values: { nextPosition: 0 }, tensors: {} }),
      next(state, { layout, images }) {
        const plan = planInsertion(layout, backbone.positionRows, state.values.nextPosition)
        return { ...passOf(plan, images), next: () => ({ values: { nextPosition: plan.nextPositions[0]! }, tensors: {} }) }
      },
    }
  },
})
