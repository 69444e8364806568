/**
 * Emoji drawings (packages @iconify-json/*: one JSON of SVG bodies per style) under their Unicode names (package
 * unicode-emoji-json). One style is held out: its drawings are never trained on, its names are.
 */
import { CasaError } from '@casa-js/base'
import type { EmojiStyle } from '@casa-js/data'
import { emojiNames } from './emoji-names.ts'
import { packageText } from './packages.ts'
import type { Split } from './split.ts'

export const emojiStyles: Record<Split, string[]> = {
  train: ['noto', 'noto-v1', 'openmoji', 'fluent-emoji-flat', 'emojione'],
  heldOut: ['twemoji'],
}

/** As documented by Iconify (IconifyJSON): sizes default to the set's, an alias names its parent. */
export interface IconSet {
  icons: Record<string, { body: string; left?: number; top?: number; width?: number; height?: number }>
  aliases?: Record<string, { parent: string }>
  width?: number
  height?: number
}

/** Names, and the styles of the split. @throws CasaError for a name that Unicode or a style does not have. */
export function loadEmoji(split: Split): { names: string[]; styles: EmojiStyle[] } {
  const entries = JSON.parse(packageText('unicode-emoji-json', 'data-by-emoji.json')) as Record<string, { name: string }>
  const known = new Set(Object.values(entries).map(({ name }) => name))
  const unknown = emojiNames.find((name) => !known.has(name))
  if (unknown) throw new CasaError(`emoji "${unknown}" is no Unicode name; correct emoji-names.ts`)
  return { names: emojiNames, styles: emojiStyles[split].map(loadStyle) }
}

function loadStyle(style: string): EmojiStyle {
  const set = JSON.parse(packageText(`@iconify-json/${style}`, 'icons.json')) as IconSet
  const drawings = new Map(emojiNames.map((name) => [name, drawingOf(set, name, style)]))
  return { style, svg: (name) => drawings.get(name)! }
}

/**
 * An SVG document of 96 x 96.
 *
 * @param key name in the set, where it is not the Unicode name with dashes
 * @throws CasaError when the set lacks it
 */
export function drawingOf(set: IconSet, name: string, style: string, key = name.toLowerCase().replaceAll(' ', '-')): string {
  const icon = set.icons[key] ?? set.icons[set.aliases?.[key]?.parent ?? '']
  if (!icon) throw new CasaError(`emoji style ${style} has no "${name}"; correct emoji-names.ts or pin the version again`)
  const { body, left = 0, top = 0, width = set.width ?? 16, height = set.height ?? 16 } = icon
  const names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
  return `<svg ${names} width="96" height="96" viewBox="${left} ${top} ${width} ${height}">${body}</svg>`
}
