/** Discs on a plain paper, to be counted: at places of a grid of 3 x 3, no two of which touch. */
import type { RgbImage } from '@casa-js/core'
import type { Random } from '../random.ts'
import { cssOf, inkOnPaper } from './colours.ts'
import { drawFlaws, paintPicture } from './picture.node.ts'

export const mostDiscs = 9

const sidePx = 64
const cellPx = 21

/**
 * @param options.discs 1 to 9
 * @param options.difficulty 0 clean, at high contrast .. 1 with flaws, at low contrast
 * @returns rgb, 64 x 64 px
 */
export function paintDiscs({ discs, difficulty }: { discs: number; difficulty: number }, random: Random): Promise<RgbImage> {
  const { ink, paper } = inkOnPaper(random, 6 - 2 * difficulty)
  const flaws = drawFlaws(random, difficulty, cellPx)
  return paintPicture(sidePx, sidePx, flaws, random, (context) => {
    context.fillStyle = cssOf(paper)
    context.fillRect(0, 0, sidePx, sidePx)
    context.fillStyle = cssOf(ink)
    const places = Array.from({ length: mostDiscs }, (_, place) => place)
    for (let disc = 0; disc < discs; disc++) {
      const [place] = places.splice(random.integer(0, places.length - 1), 1) as [number]
      const jitterPx = (): number => random.between(-3, 3)
      const centre = { x: (place % 3) * cellPx + 11 + jitterPx(), y: Math.floor(place / 3) * cellPx + 11 + jitterPx() }
      context.beginPath()
      context.arc(centre.x, centre.y, random.between(4, 7), 0, 2 * Math.PI)
      context.fill()
    }
  })
}
