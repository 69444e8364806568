/** Colours with enough contrast to be readable. Contrast ratio: WCAG 2.2, "relative luminance". */
import type { Random } from '../random.ts'

/** Red, green, blue in 0..255. */
export type Rgb = readonly [number, number, number]

/** The CSS text of a colour, e.g. "rgb(12,34,56)". */
export const cssOf = ([red, green, blue]: Rgb) => `rgb(${red},${green},${blue})`

/** A colour of the mapped channels. */
export function mapRgb([red, green, blue]: Rgb, map: (value: number, channel: number) => number): Rgb {
  return [map(red, 0), map(green, 1), map(blue, 2)]
}

/** Relative luminance, 0 (black) .. 1 (white). */
export function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Contrast ratio of two colours, 1..21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((low, high) => low - high) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const randomColour = (random: Random): Rgb => [random.integer(0, 255), random.integer(0, 255), random.integer(0, 255)]

/** Ink and paper whose contrast is at least `least` (up to 12). Half of the papers are near white or near black. */
export function inkOnPaper(random: Random, least: number): { ink: Rgb; paper: Rgb } {
  for (;;) {
    const paper = random.chance(0.5) ? randomColour(random) : nearGrey(random, random.chance(0.7) ? 240 : 16)
    const ink = random.chance(0.5) ? randomColour(random) : nearGrey(random, random.chance(0.7) ? 16 : 240)
    if (contrast(ink, paper) >= least) return { ink, paper }
  }
}

/** A paper light enough for pictures with black outlines. */
export function lightPaper(random: Random): Rgb {
  return [random.integer(150, 255), random.integer(150, 255), random.integer(150, 255)]
}

function nearGrey(random: Random, level: number): Rgb {
  const channel = () => Math.min(255, Math.max(0, level + random.integer(-15, 15)))
  return [channel(), channel(), channel()]
}
