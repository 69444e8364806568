/**
 * Clips to look at, a row each, with what is said under each frame:
 *
 *     pnpm --filter @casa-js/live sheet [--out sheet.png] [--split train] [--count 12] [--seed 1]
 */
import { createCanvas } from '@napi-rs/canvas'
import { familyOf, toCanvas } from '@casa-js/data'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Split } from '@casa-js/reader'
import createLiveDataset from '../dataset.ts'
import { loadLiveMaterial } from '../material.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'sheet.png' },
    split: { type: 'string', default: 'train' },
    count: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
  },
})
const frames = 10
const dataset = createLiveDataset({ split: values.split as Split, seed: Number(values.seed), frames: [frames, frames] })
const captionFont = loadLiveMaterial('train').fonts.find(({ file }) => file.endsWith('PTSansNarrow_400Regular.ttf'))!
const [cellPx, rowPx] = [150, 176]
const count = Number(values.count)
const canvas = createCanvas(frames * cellPx, count * rowPx)
const context = canvas.getContext('2d')
context.fillStyle = '#fff'
context.fillRect(0, 0, canvas.width, canvas.height)
context.font = `14px "${familyOf(captionFont)}"`
for (let row = 0; row < count; row++) {
  const { messages } = await dataset.get(row)
  const parts = messages.at(-1)!.content
  parts.forEach((part, index) => {
    const x = Math.floor(index / 2) * cellPx + 2
    if (part.type === 'image') context.drawImage(toCanvas(part.image), x, row * rowPx, 144, 144)
    else {
      context.fillStyle = '#0645ad'
      context.fillText(part.text, x, row * rowPx + 160)
    }
  })
}
writeFileSync(values.out, canvas.toBuffer('image/png'))
console.log(`${values.out}: ${count} clips`)
