/** A small horizontal bar chart: title above, one row per bar, with the label before it and the value after it. */
import { createCanvas } from '@napi-rs/canvas'
import type { RgbImage } from '@casa-js/core'
import type { FontFace } from '../reading/material.ts'
import type { Random } from '../random.ts'
import { cssOf, inkOnPaper, mapRgb } from './colours.ts'
import { drawFlaws, paintPicture } from './picture.node.ts'
import { familyOf } from './text.node.ts'

export interface ChartPictureOptions {
  title: string
  /** 2 to 5 rows; lengths of bars are in proportion to the values, which are not negative. */
  bars: { label: string; value: number; written: string }[]
  font: FontFace
  difficulty: number
  widthPx: number
  /** The height is a multiple of this. */
  stepPx: number
}

const ruler = createCanvas(1, 1).getContext('2d')

/** -> rgb, widthPx wide and about 24 px high per bar. */
export async function paintChart(options: ChartPictureOptions, random: Random): Promise<RgbImage> {
  const { title, bars, font, difficulty, widthPx, stepPx } = options
  const family = familyOf(font)
  const rowPx = 24
  const heightPx = Math.ceil(((bars.length + 1) * rowPx + 8) / stepPx) * stepPx
  const widest = (texts: string[], sizePx: number) => {
    ruler.font = `${sizePx}px "${family}"`
    return Math.max(...texts.map((text) => ruler.measureText(text).width))
  }
  // Labels and values take at most two thirds of the width; fonts differ in width.
  const labels = bars.map(({ label }) => label)
  const written = bars.map(({ written }) => written)
  const at16 = widest(labels, 16) + widest(written, 16)
  const sizePx = Math.floor(Math.min(17, (16 * (widthPx * 0.66)) / at16, (16 * (widthPx - 12)) / widest([title], 16)))
  const barsAt = 6 + widest(labels, sizePx) + 6
  const longestPx = widthPx - barsAt - widest(written, sizePx) - 12
  const greatest = Math.max(...bars.map(({ value }) => value))

  const { ink, paper } = inkOnPaper(random, 9 - 4 * difficulty)
  const mix = random.between(0.35, 0.65)
  const fill = mapRgb(ink, (value, channel) => Math.round(value * mix + paper[channel]! * (1 - mix)))
  const flaws = drawFlaws(random, 0.5 * difficulty, sizePx)
  return paintPicture(widthPx, heightPx, flaws, random, (context) => {
    context.fillStyle = cssOf(paper)
    context.fillRect(0, 0, widthPx, heightPx)
    context.font = `${sizePx}px "${family}"`
    context.textBaseline = 'middle'
    context.fillStyle = cssOf(ink)
    context.fillText(title, 6, 4 + rowPx / 2)
    bars.forEach(({ label, value, written }, row) => {
      const middle = 4 + rowPx * (row + 1.5)
      const lengthPx = Math.max(1, (longestPx * value) / greatest)
      context.fillStyle = cssOf(fill)
      context.fillRect(barsAt, middle - rowPx * 0.36, lengthPx, rowPx * 0.72)
      context.fillStyle = cssOf(ink)
      context.fillText(label, 6, middle)
      context.fillText(written, barsAt + lengthPx + 4, middle)
    })
  })
}
