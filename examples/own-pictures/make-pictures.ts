/**
 * Draws the pictures of this example, shapes on coloured grounds, 32 x 32, twelve of each combination at different places and in
 * different sizes, and two questions about each: train.jsonl, and held-out.jsonl with the last two of every twelve.
 * npx tsx --conditions=@casa-js/source examples/own-pictures/make-pictures.ts
 */
import { createRandom } from '@casa-js/core'
import { encodePng } from '@casa-js/vision'
import { mkdirSync, writeFileSync } from 'node:fs'

const sizePx = 32
const variants = 12
const colours = { red: [221, 51, 51], green: [51, 170, 51], blue: [51, 85, 221], yellow: [238, 204, 51] }
/** Whether a point is inside, x and y in -1..1. */
const shapes = {
  circle: (x: number, y: number) => x * x + y * y < 0.35,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) < 0.5,
  triangle: (x: number, y: number) => y < 0.55 && Math.abs(x) < (y + 0.7) / 2,
}

/** Numbers from 0 to 1, the same in every run. */
const random = createRandom(1)

const here = new URL('.', import.meta.url)
mkdirSync(new URL('pictures', here), { recursive: true })
const train: object[] = []
const held: object[] = []
for (const [colour, ground] of Object.entries(colours)) {
  for (const [shape, inside] of Object.entries(shapes)) {
    for (let variant = 1; variant <= variants; variant++) {
      const [scale, light] = [random.between(0.9, 1.1), random.between(0.85, 1)]
      const [left, top] = [random.between(-0.12, 0.12), random.between(-0.12, 0.12)]
      const at = (i: number) => ((i + 0.5) / sizePx) * 2 - 1
      const data = Uint8Array.from({ length: sizePx * sizePx * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3)
        const [x, y] = [at(pixel % sizePx), at(Math.floor(pixel / sizePx))]
        return inside((x - left) / scale, (y - top) / scale) ? 0 : Math.round(light * ground[i % 3]!)
      })
      const image = `pictures/${colour}-${shape}-${variant}.png`
      writeFileSync(new URL(image, here), await encodePng({ widthPx: sizePx, heightPx: sizePx, data }))
      const rows = variant > variants - 2 ? held : train
      rows.push(
        { image, question: 'Which shape?', answer: shape, task: 'shape' },
        { image, question: 'Which colour?', answer: colour, task: 'colour' },
      )
    }
  }
}
for (const [file, rows] of [
  ['train.jsonl', train],
  ['held-out.jsonl', held],
] as const) {
  writeFileSync(new URL(file, here), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
}
