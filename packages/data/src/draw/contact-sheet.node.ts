/** A contact sheet: many examples on one picture, each with its task, questions and answers below, for a person to look at. */
import { createCanvas } from '@napi-rs/canvas'
import type { Example } from '@casa-js/core'
import type { FontFace } from '../reading/material.ts'
import { toCanvas, type Context } from './picture.node.ts'
import { familyOf } from './text.node.ts'

export interface ContactSheetOptions {
  /** Font of the captions. */
  captionFont: FontFace
  /** Default 4. */
  columns?: number
  /** Width of one cell; wider pictures are scaled down. Default 270. */
  cellWidthPx?: number
}

const rowPx = 14
const gapPx = 6

/** -> PNG bytes. Every picture of every example appears; captions are cut with an ellipsis where they pass the cell. */
export function contactSheet(examples: Example[], { captionFont, columns = 4, cellWidthPx = 270 }: ContactSheetOptions): Buffer {
  const font = `11px "${familyOf(captionFont)}"`
  const cells = examples.map((example) => layOut(example, cellWidthPx - gapPx, font))
  const rows: (typeof cells)[] = []
  for (let start = 0; start < cells.length; start += columns) rows.push(cells.slice(start, start + columns))
  const heights = rows.map((row) => Math.max(...row.map(({ heightPx }) => heightPx)))
  const heightPx = heights.reduce((sum, height) => sum + height, gapPx)
  const canvas = createCanvas(columns * cellWidthPx + gapPx, Math.max(1, heightPx))
  const context = canvas.getContext('2d')
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  let top = gapPx
  rows.forEach((row, index) => {
    row.forEach((cell, column) => cell.paint(context, gapPx + column * cellWidthPx, top))
    top += heights[index]!
  })
  return canvas.toBuffer('image/png')
}

/** Pictures side by side, then one line per turn. */
function layOut({ task, messages }: Example, widthPx: number, font: string) {
  const parts = messages.flatMap(({ content }) => content)
  const images = parts.flatMap((part) => (part.type === 'image' ? [part.image] : []))
  const total = images.reduce((sum, image) => sum + image.widthPx + gapPx, -gapPx)
  const scale = Math.min(1, widthPx / total)
  const tallest = Math.max(0, ...images.map(({ heightPx }) => heightPx * scale))
  const lines = messages.map(({ role, content }, turn) => {
    const words = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(' | ')
    return { ink: role === 'assistant' ? '#0645ad' : '#333', words: turn === 0 ? `[${task}] ${words}` : words }
  })
  return {
    heightPx: tallest + lines.length * rowPx + 3 * gapPx,
    paint(context: Context, left: number, top: number) {
      let x = left
      for (const image of images) {
        context.drawImage(toCanvas(image), x, top, image.widthPx * scale, image.heightPx * scale)
        x += image.widthPx * scale + gapPx
      }
      context.font = font
      context.textBaseline = 'top'
      lines.forEach(({ ink, words }, line) => {
        context.fillStyle = ink
        context.fillText(cutTo(context, words, widthPx), left, top + tallest + 3 + line * rowPx)
      })
    },
  }
}

function cutTo(context: Context, words: string, widthPx: number): string {
  if (context.measureText(words).width <= widthPx) return words
  let kept = words
  while (kept !== '' && context.measureText(`${kept}…`).width > widthPx) kept = kept.slice(0, -1)
  return `${kept}…`
}
