/**
 * A text on a canvas that closes tightly around it: size, place, colours, rotation, slant and background vary. The text is always
 * whole and drawn with the one font given: its file is registered under a name that no system font has.
 */
import { createCanvas, GlobalFonts } from '@napi-rs/canvas'
import { CasaError } from '@casa-js/base'
import type { RgbImage } from '@casa-js/core'
import type { FontFace } from '../reading/material.ts'
import { hashText, type Random } from '../random.ts'
import { cssOf, inkOnPaper, mapRgb, type Rgb } from './colours.ts'
import { drawFlaws, paintPicture, type Context } from './picture.node.ts'

export interface TextPictureOptions {
  text: string
  font: FontFace
  /** Wanted font size; made smaller where the text would pass `maxWidthPx`. */
  sizePx: number
  /** 0 upright and clean .. 1 rotated, slanted, low contrast, blurred, noisy, compressed. */
  difficulty: number
  maxWidthPx: number
  /** Sides of the picture are multiples of this. */
  stepPx: number
}

const registered = new Map<string, string>()
const ruler = createCanvas(1, 1).getContext('2d')

/** CSS family under which a font file can be drawn. @throws CasaError when the file is missing or no font. */
export function familyOf({ family, file }: FontFace): string {
  let name = registered.get(file)
  if (name === undefined) {
    // The canvas keeps one list of fonts for all threads of the process, so the name must follow from the file alone.
    name = `casa-${hashText(file).toString(36)}`
    if (!GlobalFonts.registerFromPath(file, name)) {
      throw new CasaError(`font ${family}: ${file} is missing or not a TTF file; install the package that holds it`)
    }
    registered.set(file, name)
  }
  return name
}

/** Box of the ink of a text, relative to the start of its base line. */
function measure(text: string, family: string, sizePx: number) {
  ruler.font = `${sizePx}px "${family}"`
  const metrics = ruler.measureText(text)
  return {
    left: metrics.actualBoundingBoxLeft,
    widthPx: metrics.actualBoundingBoxLeft + metrics.actualBoundingBoxRight,
    ascent: metrics.actualBoundingBoxAscent,
    heightPx: metrics.actualBoundingBoxAscent + metrics.actualBoundingBoxDescent,
  }
}

const marginPx = 3
const upTo = (lengthPx: number, stepPx: number) => Math.ceil(lengthPx / stepPx) * stepPx

/** -> rgb of at most maxWidthPx wide, about 1.5 font sizes high. */
export async function paintText(options: TextPictureOptions, random: Random): Promise<RgbImage> {
  const { text, font, difficulty, maxWidthPx, stepPx } = options
  const family = familyOf(font)
  let sizePx = options.sizePx
  let box = measure(text, family, sizePx)
  const roomPx = maxWidthPx - 2 * marginPx - 4
  if (box.widthPx > roomPx) {
    sizePx = Math.floor((sizePx * roomPx) / box.widthPx)
    box = measure(text, family, sizePx)
  }

  // A long text may rise by a quarter of its height only: rotated further it would need a tall, mostly empty picture.
  const steepest = Math.min((5 * Math.PI) / 180, Math.asin(Math.min(1, box.heightPx / 4 / box.widthPx)))
  const angle = random.chance(difficulty) ? random.between(-steepest, steepest) * difficulty : 0
  const slant = random.chance(0.4 * difficulty) ? random.between(-0.2, 0.2) * difficulty : 0
  const slantedPx = box.widthPx + Math.abs(slant) * box.heightPx
  const coveredPx = {
    width: slantedPx * Math.cos(angle) + box.heightPx * Math.abs(Math.sin(angle)),
    height: slantedPx * Math.abs(Math.sin(angle)) + box.heightPx * Math.cos(angle),
  }
  const looseness = 2 * marginPx + random.integer(0, Math.round(4 + 12 * difficulty))
  const widthPx = Math.min(upTo(coveredPx.width + looseness, stepPx), Math.max(upTo(coveredPx.width + 2, stepPx), maxWidthPx))
  const heightPx = upTo(coveredPx.height + looseness, stepPx)
  const slackPx = (side: number, covered: number) => Math.max(0, (side - covered) / 2 - marginPx)
  const shift = () => random.between(-1, 1)
  const centre = {
    x: widthPx / 2 + shift() * slackPx(widthPx, coveredPx.width),
    y: heightPx / 2 + shift() * slackPx(heightPx, coveredPx.height),
  }

  const { ink, paper } = inkOnPaper(random, 7 - 3.5 * difficulty)
  const flaws = drawFlaws(random, difficulty, sizePx)
  return paintPicture(widthPx, heightPx, flaws, random, (context) => {
    paintPaper(context, widthPx, heightPx, paper, random, difficulty)
    context.fillStyle = cssOf(ink)
    context.font = `${sizePx}px "${family}"`
    context.translate(centre.x, centre.y)
    context.rotate(angle)
    context.transform(1, 0, slant, 1, 0, 0)
    context.fillText(text, box.left - box.widthPx / 2, box.ascent - box.heightPx / 2)
    context.resetTransform()
  })
}

/** Plain paper, or one that grows a little lighter or darker across the picture. */
function paintPaper(context: Context, widthPx: number, heightPx: number, paper: Rgb, random: Random, difficulty: number) {
  context.fillStyle = cssOf(paper)
  if (random.chance(0.5 * difficulty)) {
    const change = random.integer(-24, 24)
    const end = mapRgb(paper, (value) => Math.min(255, Math.max(0, value + change)))
    const gradient = context.createLinearGradient(0, 0, widthPx, random.chance(0.5) ? heightPx : 0)
    gradient.addColorStop(0, cssOf(paper))
    gradient.addColorStop(1, cssOf(end))
    context.fillStyle = gradient
  }
  context.fillRect(0, 0, widthPx, heightPx)
}
