/**
 * Windows: which text tokens see which image, computed on integers only (arXiv 2512.19535, section 3; masks of section 3.2).
 *
 * A window is one image, or several in a row, and the text up to the next image. Text before a sample's first image is a window
 * without an image. Keys of a window: its image tokens first, then its text, so that a bottom-right-aligned causal mask lets every
 * text token see all of the image and the text up to itself:
 *
 *     text        a b | c d e | f        i j: image tokens of the two windows that have one
 *     keys    a b   i i c d e   j f      (what each query row sees, 1 = seen)
 *     a       1 0 | . . . . . | . .
 *     b       1 1 | . . . . . | . .
 *     c       . . | 1 1 1 0 0 | . .
 *     d       . . | 1 1 1 1 0 | . .
 *     e       . . | 1 1 1 1 1 | . .
 *     f       . . | . . . . . | 1 1
 *
 * If marker tokens precede an image, they end the previous window ('at-image') or begin the image's own ('with-marks'); its image
 * tokens are the first keys either way.
 */
import { CasaError } from '@casa-js/base'
import type { ImageSlot, Layout, Positions } from '@casa-js/core'
import type { CasaConfig } from './config.ts'

/** Where a window begins, see `CasaConfig`. */
export type WindowRule = CasaConfig['windows']

export interface Windows {
  /** Boundaries over text tokens, windows + 1. */
  cuText: Int32Array
  /** Boundaries over image tokens. */
  cuImage: Int32Array
  /** Boundaries over keys: image and text together. */
  cuKeys: Int32Array
  /** For each key, its row in [all image tokens, then all text tokens]. */
  order: Int32Array
  /** Positions inside the window of text queries, of all keys, and of the image tokens among them. */
  queryPositions: Positions
  keyPositions: Positions
  imagePositions: Positions
}

export interface WindowSpan {
  /** Text tokens [textBegin, textEnd). */
  textBegin: number
  textEnd: number
  /** Image slots [imageBegin, imageEnd) of the layout. */
  imageBegin: number
  imageEnd: number
}

/** @throws CasaError when slots are out of order or outside their sample. */
export function checkLayout({ tokens, cu, images }: Layout): void {
  if (cu[0] !== 0 || cu[cu.length - 1] !== tokens) {
    throw new CasaError(`layout: sample boundaries must run from 0 to ${tokens}, found ${cu[0]} to ${cu[cu.length - 1]}`)
  }
  images.forEach(({ sample, before, from = before }, i) => {
    const previous = images[i - 1]
    if (!(sample >= 0 && sample < cu.length - 1) || before < cu[sample]! || before > cu[sample + 1]!) {
      throw new CasaError(`layout: image ${i} stands before token ${before}, outside its sample ${sample}`)
    }
    if (previous && (previous.sample > sample || previous.before > before)) {
      throw new CasaError(`layout: image ${i} stands before image ${i - 1}; slots must be in reading order`)
    }
    if (from > before || from < Math.max(cu[sample]!, previous?.sample === sample ? previous.before : 0)) {
      throw new CasaError(
        `layout: the marks of image ${i} begin at token ${from}; expected after the image before, and before token ${before}`,
      )
    }
  })
}

/**
 * Splits a packed layout into windows. Windows without text and without an image are left out.
 * @param rule 'at-image' unless given
 */
export function windowSpans(layout: Layout, rule: WindowRule = 'at-image'): WindowSpan[] {
  checkLayout(layout)
  const { cu, images } = layout
  const begins = ({ before, from = before }: ImageSlot) => (rule === 'with-marks' ? from : before)
  const spans: WindowSpan[] = []
  let slot = 0
  for (let sample = 0; sample + 1 < cu.length; sample++) {
    let textBegin = cu[sample]!
    let imageBegin = slot
    const close = (textEnd: number) => {
      if (textEnd > textBegin || slot > imageBegin) spans.push({ textBegin, textEnd, imageBegin, imageEnd: slot })
      textBegin = textEnd
      imageBegin = slot
    }
    for (; slot < images.length && images[slot]!.sample === sample; slot++) {
      // Consecutive images share a window.
      const standsWithPrevious = slot > imageBegin && images[slot]!.before === images[slot - 1]!.before
      if (!standsWithPrevious) close(begins(images[slot]!))
    }
    close(cu[sample + 1]!)
  }
  return spans
}

/** Positions of a window's image tokens, and the position at which its text continues. */
export function imagePositions(images: Layout['images'], positionRows: 1 | 3): { rows: number[][]; next: number } {
  const rows: number[][] = [[], [], []]
  let next = 0
  for (const { tokens, grid } of images) {
    if (positionRows === 1) {
      for (let i = 0; i < tokens; i++) rows[0]!.push(next + i)
      next += tokens
      continue
    }
    if (!grid || grid.rows * grid.columns !== tokens) {
      throw new CasaError(
        `layout: an image of ${tokens} tokens needs its grid for multi-section positions, found ${JSON.stringify(grid)}`,
      )
    }
    for (let i = 0; i < tokens; i++) {
      rows[0]!.push(next)
      rows[1]!.push(next + Math.floor(i / grid.columns))
      rows[2]!.push(next + (i % grid.columns))
    }
    next += Math.max(grid.rows, grid.columns)
  }
  return { rows, next }
}

export const asPositions = (rows: number[][], positionRows: 1 | 3): Positions =>
  positionRows === 1
    ? Int32Array.from(rows[0]!)
    : [Int32Array.from(rows[0]!), Int32Array.from(rows[1]!), Int32Array.from(rows[2]!)]

/**
 * All windows of a packed batch, as arguments for varlen attention.
 * @param rule 'at-image' unless given
 */
export function planWindows(layout: Layout, positionRows: 1 | 3, rule: WindowRule = 'at-image'): Windows {
  const imageTokens = layout.images.reduce((sum, image) => sum + image.tokens, 0)
  const cuText = [0]
  const cuImage = [0]
  const cuKeys = [0]
  const order: number[] = []
  const query: number[][] = [[], [], []]
  const key: number[][] = [[], [], []]
  const image: number[][] = [[], [], []]
  let imageRow = 0
  for (const { textBegin, textEnd, imageBegin, imageEnd } of windowSpans(layout, rule)) {
    const { rows, next } = imagePositions(layout.images.slice(imageBegin, imageEnd), positionRows)
    for (let i = 0; i < rows[0]!.length; i++) {
      order.push(imageRow++)
      for (let r = 0; r < positionRows; r++) {
        key[r]!.push(rows[r]![i]!)
        image[r]!.push(rows[r]![i]!)
      }
    }
    for (let t = textBegin; t < textEnd; t++) {
      order.push(imageTokens + t)
      for (let r = 0; r < positionRows; r++) {
        key[r]!.push(next + t - textBegin)
        query[r]!.push(next + t - textBegin)
      }
    }
    cuText.push(textEnd)
    cuImage.push(imageRow)
    cuKeys.push(order.length)
  }
  return {
    cuText: Int32Array.from(cuText),
    cuImage: Int32Array.from(cuImage),
    cuKeys: Int32Array.from(cuKeys),
    order: Int32Array.from(order),
    queryPositions: asPositions(query, positionRows),
    keyPositions: asPositions(key, positionRows),
    imagePositions: asPositions(image, positionRows),
  }
}
