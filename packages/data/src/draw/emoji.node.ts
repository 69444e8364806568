/** An emoji on a light paper: size, place, rotation and tint vary. */
import { loadImage } from '@napi-rs/canvas'
import type { RgbImage } from '@casa-js/core'
import type { Random } from '../random.ts'
import { cssOf, lightPaper } from './colours.ts'
import { drawFlaws, paintPicture } from './picture.node.ts'

export interface EmojiPictureOptions {
  /** SVG document, square. */
  svg: string
  /** 0 upright, clean and centred .. 1 rotated up to 15 degrees, shifted, tinted, with flaws. */
  difficulty: number
  /** Sides of the picture are multiples of this. */
  stepPx: number
}

/** -> rgb, square, 64 to 96 px with a step of 16. The drawing covers 48 to 80 px. */
export async function paintEmoji({ svg, difficulty, stepPx }: EmojiPictureOptions, random: Random): Promise<RgbImage> {
  const drawing = await loadImage(Buffer.from(svg))
  const sizePx = random.integer(48, 80)
  const sidePx = Math.ceil((sizePx + random.integer(2, 12)) / stepPx) * stepPx
  const angle = ((random.between(-15, 15) * Math.PI) / 180) * difficulty
  const slackPx = ((sidePx - sizePx) / 2) * difficulty
  const flaws = drawFlaws(random, difficulty, sizePx)
  return paintPicture(sidePx, sidePx, flaws, random, (context) => {
    context.fillStyle = cssOf(lightPaper(random))
    context.fillRect(0, 0, sidePx, sidePx)
    context.translate(sidePx / 2 + random.between(-slackPx, slackPx), sidePx / 2 + random.between(-slackPx, slackPx))
    context.rotate(angle)
    const brightness = 1 + random.between(-0.15, 0.15) * difficulty
    context.filter = `brightness(${brightness}) saturate(${1 + random.between(-0.4, 0.4) * difficulty})`
    context.drawImage(drawing, -sizePx / 2, -sizePx / 2, sizePx, sizePx)
    context.filter = 'none'
    context.resetTransform()
  })
}
