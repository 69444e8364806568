/** Splits a long input into chunks, so that a prefill can be aborted and a page stays responsive. */
import type { ImageSlot } from '@casa-js/core'

/** Rows of a chunk, text and image tokens together. A larger image is still one chunk. */
const PIECE_ROWS = 512

export interface InputPiece {
  /** Text tokens [begin, end). */
  begin: number
  end: number
  /** Image slots [firstSlot, lastSlot). */
  firstSlot: number
  lastSlot: number
}

/** Split `tokens` text tokens and their images. An image, the marker tokens before it and the token after it stay together. */
export function cutInput(tokens: number, slots: readonly ImageSlot[], rowsPerPiece = PIECE_ROWS): InputPiece[] {
  const pieces: InputPiece[] = []
  let [begin, firstSlot, rows, slot] = [0, 0, 0, 0]
  for (let t = 0; t < tokens; t++) {
    const before = slot
    let cost = 1
    for (; slot < slots.length && slots[slot]!.before === t; slot++) cost += slots[slot]!.tokens
    const isInsideMarks = slots.some(({ before: at, from = at }) => from < t && t <= at)
    if (rows > 0 && rows + cost > rowsPerPiece && !isInsideMarks) {
      pieces.push({ begin, end: t, firstSlot, lastSlot: before })
      ;[begin, firstSlot, rows] = [t, before, 0]
    }
    rows += cost
  }
  pieces.push({ begin, end: tokens, firstSlot, lastSlot: slots.length })
  return pieces
}
