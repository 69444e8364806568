/** Renders canvas calls to an RgbImage, with the flaws of photographed and compressed images. */
import { createCanvas, loadImage, type Canvas, type SKRSContext2D } from '@napi-rs/canvas'
import type { RgbImage } from '@casa-js/core'
import { createRandom, type Random } from '../random.ts'

export type Context = SKRSContext2D

/** Flaws of one picture. */
export interface Flaws {
  /** Standard deviation of the blur. */
  blurPx: number
  /** Standard deviation of the noise, in 0..255. */
  noise: number
  /** 1..100; 100 leaves the picture uncompressed. */
  jpegQuality: number
}

/** Flaws up to a strength 0..1; each alone appears in part of the pictures. Blur stays under a 25th of `detailPx`. */
export function drawFlaws(random: Random, strength: number, detailPx: number): Flaws {
  return {
    blurPx: random.chance(0.4 * strength) ? random.between(0.3, Math.min(1.2, detailPx / 25)) * strength : 0,
    noise: random.chance(0.6 * strength) ? random.between(2, 16) * strength : 0,
    jpegQuality: random.chance(0.5 * strength) ? Math.round(random.between(90 - 50 * strength, 95)) : 100,
  }
}

/** Paint on a fresh canvas, then add the flaws. -> rgb [heightPx, widthPx, 3] */
export async function paintPicture(
  widthPx: number,
  heightPx: number,
  flaws: Flaws,
  random: Random,
  paint: (context: Context) => void | Promise<void>,
): Promise<RgbImage> {
  const canvas = createCanvas(widthPx, heightPx)
  const context = canvas.getContext('2d')
  await paint(context)
  if (flaws.blurPx > 0) blur(canvas, context, flaws.blurPx)
  if (flaws.jpegQuality < 100) context.drawImage(await loadImage(canvas.toBuffer('image/jpeg', flaws.jpegQuality)), 0, 0)
  const image = toRgb(context.getImageData(0, 0, widthPx, heightPx).data, widthPx, heightPx)
  if (flaws.noise > 0) addNoise(image.data, flaws.noise, random.integer(0, 2 ** 31))
  return image
}

/** A canvas drawn onto itself through a blur; drawn opaque first so that the edges do not fade. */
function blur(canvas: Canvas, context: Context, deviationPx: number) {
  const copy = createCanvas(canvas.width, canvas.height)
  copy.getContext('2d').drawImage(canvas, 0, 0)
  context.filter = `blur(${deviationPx}px)`
  context.drawImage(copy, 0, 0)
  context.filter = 'none'
}

function toRgb(rgba: Uint8ClampedArray, widthPx: number, heightPx: number): RgbImage {
  const data = new Uint8Array(widthPx * heightPx * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from]!
    data[to + 1] = rgba[from + 1]!
    data[to + 2] = rgba[from + 2]!
  }
  return { widthPx, heightPx, data }
}

/** The same triangular noise on the three channels of a pixel, as sensors in dim light show it after grey conversion. */
function addNoise(data: Uint8Array, std: number, seed: number) {
  const random = createRandom(seed)
  // The sum of two uniforms over [-1, 1] has a standard deviation of sqrt(2/3).
  const reach = std / Math.sqrt(2 / 3)
  for (let at = 0; at < data.length; at += 3) {
    const shift = Math.round(reach * (random.next() + random.next() - 1) * 2)
    for (let channel = at; channel < at + 3; channel++) data[channel] = Math.min(255, Math.max(0, data[channel]! + shift))
  }
}

/** rgb [heightPx, widthPx, 3] -> canvas. */
export function toCanvas({ widthPx, heightPx, data }: RgbImage): Canvas {
  const canvas = createCanvas(widthPx, heightPx)
  const context = canvas.getContext('2d')
  const rgba = context.createImageData(widthPx, heightPx)
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba.data.set([data[from]!, data[from + 1]!, data[from + 2]!, 255], to)
  }
  context.putImageData(rgba, 0, 0)
  return canvas
}

/** -> PNG bytes. */
export const pngOf = (image: RgbImage): Buffer => toCanvas(image).toBuffer('image/png')
