/**
 * Draws the pictures of this example, shapes on coloured grounds, 32 x 32, and two questions about each: train.jsonl, and
 * held-out.jsonl with two combinations that training never shows.
 * npx tsx --conditions=@casa-js/source examples/own-pictures/make-pictures.ts
 */
import { encodePng } from '@casa-js/vision'
import { mkdirSync, writeFileSync } from 'node:fs'

const sizePx = 32
const colours = { red: [221, 51, 51], green: [51, 170, 51], blue: [51, 85, 221], yellow: [238, 204, 51] }
/** Whether a point is inside, x and y in -1..1. */
const shapes = {
  circle: (x: number, y: number) => x * x + y * y < 0.35,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) < 0.5,
  triangle: (x: number, y: number) => y < 0.55 && Math.abs(x) < (y + 0.7) / 2,
}

const heldOut = ['blue-triangle', 'yellow-circle']

const here = new URL('.', import.meta.url)
mkdirSync(new URL('pictures', here), { recursive: true })
const train: object[] = []
const held: object[] = []
for (const [colour, ground] of Object.entries(colours)) {
  for (const [shape, inside] of Object.entries(shapes)) {
    const at = (i: number) => ((i + 0.5) / sizePx) * 2 - 1
    const data = Uint8Array.from({ length: sizePx * sizePx * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3)
      return inside(at(pixel % sizePx), at(Math.floor(pixel / sizePx))) ? 0 : ground[i % 3]
    })
    const image = `pictures/${colour}-${shape}.png`
    writeFileSync(new URL(image, here), await encodePng({ widthPx: sizePx, heightPx: sizePx, data }))
    const rows = heldOut.includes(`${colour}-${shape}`) ? held : train
    rows.push({ image, question: 'Which shape?', answer: shape }, { image, question: 'Which colour?', answer: colour })
  }
}
for (const [file, rows] of [
  ['train.jsonl', train],
  ['held-out.jsonl', held],
] as const) {
  writeFileSync(new URL(file, here), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}
