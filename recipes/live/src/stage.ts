/**
 * From a scene to pixels. Everything drawn is a sprite: rasterised once, kept, and put where it belongs, so that a frame costs a
 * few copies. Sprites carry the number of their thing: what lies between two frames can be drawn by going from one to the other.
 */
import { createCanvas, loadImage, type Canvas, type SKRSContext2D } from '@napi-rs/canvas'
import type { RgbImage } from '@casa-js/base'
import { createRandom, familyOf, hashText, inkOnPaper, cssOf, type FontFace, type Random } from '@casa-js/data'
import type { Scene, Thing } from './scene.ts'
import { colours, type ColourName, type ShapeName } from './things.ts'

/** Side of a frame: 6 x 6 image tokens of the shipped encoder. */
export const framePx = 96
const cellPx = framePx / 2
/** Sprites are kept at twice the size at which most are drawn. */
const masterPx = 88
/** Rasters kept: far more than the scenes that are drawn at one time show. */
const mostRasters = 4000

export interface Sprite {
  /** Number of the thing, and of the piece for a group. */
  key: string
  /** Name of the raster that it shows. */
  raster: string
  /** Middle, in pixels of the frame. */
  x: number
  y: number
  widthPx: number
  heightPx: number
}

/** How the stage itself looks; fixed for a clip. */
export interface Backdrop {
  kind: 'plain' | 'gradient' | 'ground' | 'stripes'
  papers: [string, string]
  /** Deviation of the noise of each frame, 0 to 6 of 255. */
  noise: number
}

export function drawBackdrop(random: Random): Backdrop {
  const pale = () => `rgb(${random.integer(165, 255)},${random.integer(165, 255)},${random.integer(165, 255)})`
  return {
    kind: random.pick(['plain', 'plain', 'gradient', 'ground', 'stripes']),
    papers: [pale(), pale()],
    noise: random.chance(0.5) ? random.between(1, 6) : 0,
  }
}

export interface Painter {
  /** Where a scene's things stand. */
  sprites(things: Scene['things']): Sprite[]
  /** One frame. `noiseSeed` fixes its noise. -> rgb [96, 96, 3] */
  paint(sprites: readonly (Sprite & { opacity?: number })[], backdrop: Backdrop, noiseSeed: number): Promise<RgbImage>
}

export interface PainterMaterial {
  /** SVG document of an emoji by style and name. */
  svg(style: string, name: string): string
  fonts: readonly FontFace[]
}

/** @param scale pixels of a frame's side per 96. A picture for people may be larger than one for the model. */
export function createPainter({ svg, fonts }: PainterMaterial, scale = 1): Painter {
  const sidePx = framePx * scale
  const canvas = createCanvas(sidePx, sidePx)
  const context = canvas.getContext('2d')
  const rasters = new Map<string, Promise<Canvas>>()

  const blank = (widthPx: number, heightPx: number) => {
    const made = createCanvas(Math.ceil(widthPx * scale), Math.ceil(heightPx * scale))
    made.getContext('2d').scale(scale, scale)
    return made
  }

  async function drawEmoji(style: string, name: string, altered: number): Promise<Canvas> {
    const made = blank(masterPx, masterPx)
    const drawn = made.getContext('2d')
    if (altered > 0) alter(drawn, createRandom(hashText(`${style}/${name}`), altered))
    drawn.drawImage(await loadImage(Buffer.from(svg(style, name))), 0, 0, masterPx, masterPx)
    return made
  }

  function drawShape(name: ShapeName, colour: ColourName): Canvas {
    const made = blank(masterPx, masterPx)
    const shape = made.getContext('2d')
    const [low, middle, high] = [6, masterPx / 2, masterPx - 6]
    const outline: Record<Exclude<ShapeName, 'circle'>, [number, number][]> = {
      square: [[low, low], [high, low], [high, high], [low, high]],
      triangle: [[middle, low], [high, high], [low, high]],
      diamond: [[middle, low], [high, middle], [middle, high], [low, middle]],
      cross: crossOutline(low, high),
    } // prettier-ignore
    shape.beginPath()
    if (name === 'circle') shape.arc(middle, middle, (high - low) / 2, 0, 2 * Math.PI)
    else for (const [x, y] of outline[name]) shape.lineTo(x, y)
    shape.closePath()
    shape.fillStyle = colours[colour]
    shape.fill()
    shape.lineWidth = 3
    shape.strokeStyle = 'rgba(0,0,0,0.55)'
    shape.stroke()
    return made
  }

  /** Written on a board of its own, whole: a long word is drawn smaller. */
  function drawText(text: string, face: number, sizePx: number, board: number, widthPx: number, heightPx: number): Canvas {
    const made = blank(widthPx, heightPx)
    const written = made.getContext('2d')
    const { ink, paper } = inkOnPaper(createRandom(board), 5)
    written.fillStyle = cssOf(paper)
    written.fillRect(0, 0, widthPx, heightPx)
    written.strokeStyle = cssOf(ink)
    written.lineWidth = 1
    written.strokeRect(1, 1, widthPx - 2, heightPx - 2)
    written.fillStyle = cssOf(ink)
    const family = familyOf(fonts[face]!)
    written.font = `${sizePx}px "${family}"`
    const wide = written.measureText(text).width
    const fittingPx = Math.min(sizePx, (sizePx * (widthPx - 8)) / wide)
    written.font = `${fittingPx}px "${family}"`
    written.textAlign = 'center'
    const { actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = written.measureText(text)
    written.fillText(text, widthPx / 2, heightPx / 2 + (up - down) / 2)
    return made
  }

  function rasterOf(thing: Thing): { name: string; make: () => Canvas | Promise<Canvas> } {
    switch (thing.kind) {
      case 'emoji':
        return {
          name: `${thing.style}/${thing.name}/${thing.altered}`,
          make: () => drawEmoji(thing.style, thing.name, thing.altered),
        }
      case 'shape':
      case 'group':
        return { name: `${thing.colour} ${thing.name}`, make: () => drawShape(thing.name, thing.colour) }
      case 'sign':
      case 'counter': {
        const text = thing.kind === 'sign' ? thing.word : String(thing.value)
        const { face, sizePx, board } = thing.look
        const [widthPx, heightPx] = thing.kind === 'sign' ? signPx : counterPx
        return {
          name: `${thing.kind} ${text} ${face} ${sizePx} ${board}`,
          make: () => drawText(text, face, sizePx, board, widthPx, heightPx),
        }
      }
    }
  }
  /** Written rasters are rarely seen twice: those not used for longest go. */
  function remember(name: string, make: () => Canvas | Promise<Canvas>): void {
    const known = rasters.get(name)
    rasters.delete(name)
    rasters.set(name, known ?? Promise.resolve(make()))
    if (rasters.size > mostRasters) for (const [oldest] of rasters) return void rasters.delete(oldest)
  }

  function spritesOf(thing: Thing): Sprite[] {
    const { name: raster, make } = rasterOf(thing)
    remember(raster, make)
    const key = String(thing.id)
    const { shift } = thing
    if (thing.kind === 'group') return groupSprites(thing.count, thing.row, raster, key)
    if (thing.kind === 'sign') {
      const [widthPx, heightPx] = signPx
      return [{ key, raster, x: framePx / 2 + 2 * shift.x, y: (thing.row + 0.5) * cellPx + 6 * shift.y, widthPx, heightPx }]
    }
    const [widthPx, heightPx] = thing.kind === 'counter' ? counterPx : thing.size === 'big' ? [46, 46] : [28, 28]
    const slack = (sidePx: number) => (cellPx - sidePx) / 2
    return [
      {
        key,
        raster,
        x: (thing.column + 0.5) * cellPx + slack(widthPx) * shift.x,
        y: (thing.row + 0.5) * cellPx + slack(heightPx) * shift.y,
        widthPx,
        heightPx,
      },
    ]
  }

  function paintBackdrop({ kind, papers: [one, other] }: Backdrop): void {
    context.fillStyle = one
    if (kind === 'gradient') {
      const fill = context.createLinearGradient(0, 0, framePx, framePx)
      fill.addColorStop(0, one)
      fill.addColorStop(1, other)
      context.fillStyle = fill
    }
    context.fillRect(0, 0, framePx, framePx)
    context.fillStyle = other
    if (kind === 'ground') context.fillRect(0, 60, framePx, framePx - 60)
    if (kind === 'stripes') for (let x = 0; x < framePx; x += 16) context.fillRect(x, 0, 8, framePx)
  }

  return {
    sprites: (things) => things.flatMap(spritesOf),
    async paint(sprites, backdrop, noiseSeed) {
      const images = await Promise.all(sprites.map(({ raster }) => rasters.get(raster)!))
      context.setTransform(scale, 0, 0, scale, 0, 0)
      paintBackdrop(backdrop)
      sprites.forEach(({ x, y, widthPx, heightPx, opacity = 1 }, index) => {
        context.globalAlpha = opacity
        context.drawImage(images[index]!, x - widthPx / 2, y - heightPx / 2, widthPx, heightPx)
      })
      context.globalAlpha = 1
      return toRgb(context.getImageData(0, 0, sidePx, sidePx).data, sidePx, backdrop.noise, noiseSeed)
    },
  }
}

const signPx = [92, 36] as const
const counterPx = [42, 32] as const

/**
 * What is drawn from here on is mirrored half of the time, turned by up to 15 degrees, bent, tinted, and now and then outlined or blurred:
 * styles differ in these more than in what a thing looks like.
 */
function alter(drawn: SKRSContext2D, random: Random): void {
  const middle = masterPx / 2
  const sign = random.chance(0.5) ? -1 : 1
  drawn.translate(middle, middle)
  drawn.rotate(random.between(-0.26, 0.26))
  drawn.transform(1, random.between(-0.1, 0.1), random.between(-0.15, 0.15), 1, 0, 0)
  drawn.scale(sign * random.between(0.76, 0.96), random.between(0.76, 0.96))
  drawn.translate(-middle, -middle)
  const filters = [
    `hue-rotate(${random.integer(-14, 14)}deg)`,
    `saturate(${random.between(0.65, 1.5).toFixed(2)})`,
    `brightness(${random.between(0.8, 1.2).toFixed(2)})`,
    `contrast(${random.between(0.8, 1.3).toFixed(2)})`,
  ]
  if (random.chance(0.15)) filters.push(`blur(${random.between(0.4, 1.4).toFixed(1)}px)`)
  if (random.chance(0.35)) {
    const [x, y, grey] = [random.between(-2, 2), random.between(-2, 2), random.pick([20, 60, 255])]
    filters.push(`drop-shadow(${x.toFixed(1)}px ${y.toFixed(1)}px ${random.chance(0.5) ? 0 : 2}px rgb(${grey},${grey},${grey}))`)
  }
  drawn.filter = filters.join(' ')
}

function crossOutline(low: number, high: number): [number, number][] {
  const [one, two] = [low + (high - low) * 0.33, low + (high - low) * 0.67]
  return [
    [one, low], [two, low], [two, one], [high, one], [high, two], [two, two],
    [two, high], [one, high], [one, two], [low, two], [low, one], [one, one],
  ] // prettier-ignore
}

/** Up to three in a line, two lines in a row's place. */
function groupSprites(count: number, row: number, raster: string, key: string): Sprite[] {
  return Array.from({ length: count }, (_, piece) => ({
    key: `${key}.${piece}`,
    raster,
    x: 18 + 30 * (piece % 3),
    y: row * cellPx + (piece < 3 ? 13 : 36),
    widthPx: 21,
    heightPx: 21,
  }))
}

/** Rgba -> rgb, with noise of this deviation, the same on the three channels of a pixel. */
function toRgb(rgba: Uint8ClampedArray, sidePx: number, deviation: number, seed: number): RgbImage {
  const data = new Uint8Array(sidePx * sidePx * 3)
  // A uniform over [-1, 1] has a standard deviation of sqrt(1/3).
  const reach = Math.round(deviation * Math.sqrt(3))
  let state = seed | 1
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    let shift = 0
    if (reach > 0) {
      // Marsaglia's xorshift32: a stream of its own would cost more than the drawing.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      shift = ((state >>> 8) % (2 * reach + 1)) - reach
    }
    for (let channel = 0; channel < 3; channel++) {
      data[to + channel] = Math.min(255, Math.max(0, rgba[from + channel]! + shift))
    }
  }
  return { widthPx: sidePx, heightPx: sidePx, data }
}
