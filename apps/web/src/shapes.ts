/** Drawn shapes to train on where a person has no pictures at hand: the shipped model does not know them. */
import { createRandom, type Random } from '@casa-js/core'
import type { LabelledFile } from './folders.ts'

const shapes = ['circle', 'square', 'triangle', 'star'] as const
const sizePx = 128

/** @returns `perShape` pictures of each shape, in colours, sizes and places that differ; the same ones every time */
export async function drawShapes(perShape = 6): Promise<LabelledFile[]> {
  const found: LabelledFile[] = []
  for (let i = 0; i < perShape * shapes.length; i++) {
    const answer = shapes[i % shapes.length]!
    found.push({ blob: await draw(answer, createRandom(i)), name: `${answer} ${Math.floor(i / shapes.length) + 1}`, answer })
  }
  return found
}

async function draw(shape: (typeof shapes)[number], random: Random): Promise<Blob> {
  const canvas = new OffscreenCanvas(sizePx, sizePx)
  const context = canvas.getContext('2d')!
  const hue = random.between(0, 360)
  context.fillStyle = `hsl(${hue + 180} 40% 93%)`
  context.fillRect(0, 0, sizePx, sizePx)
  context.fillStyle = `hsl(${hue} 65% 45%)`
  const radius = sizePx * random.between(0.2, 0.38)
  const [x, y] = [sizePx * random.between(0.42, 0.58), sizePx * random.between(0.42, 0.58)]
  context.beginPath()
  if (shape === 'circle') context.arc(x, y, radius, 0, 2 * Math.PI)
  else if (shape === 'square') context.rect(x - radius, y - radius, 2 * radius, 2 * radius)
  else {
    const corners = shape === 'triangle' ? 3 : 10
    const turn = -Math.PI / 2 + random.between(-0.25, 0.25)
    for (let i = 0; i < corners; i++) {
      const reach = radius * (shape === 'star' && i % 2 ? 0.5 : 1.2)
      const angle = turn + (2 * Math.PI * i) / corners
      context.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle))
    }
  }
  context.closePath()
  context.fill()
  return canvas.convertToBlob({ type: 'image/png' })
}
