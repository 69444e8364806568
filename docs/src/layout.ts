/**
 * A conversation as one line of text, its windows, and the mask as digits.
 *
 *   a b [2] c d | e      words: text tokens; [2]: an image of two tokens; |: the next sample of the same packed batch
 */
import { planWindows } from '@casa-js/casa'
import type { Layout } from '@casa-js/core'

export interface NamedLayout extends Layout {
  /** Names of the text tokens. */
  words: string[]
}

/** @throws Error that says which part is not understood. */
export function parseLayout(text: string): NamedLayout {
  const words: string[] = []
  const images: Layout['images'] = []
  const cu = [0]
  for (const part of text.trim().split(/\s+/)) {
    const image = /^\[(\d+)\]$/.exec(part)
    if (part === '|') cu.push(words.length)
    else if (image) {
      const tokens = Number(image[1])
      if (tokens < 1 || tokens > 64) throw new Error(`${part}: an image here has 1 to 64 tokens`)
      images.push({ sample: cu.length - 1, before: words.length, tokens })
    } else if (/[[\]|]/.test(part)) throw new Error(`${part}: expected a word, [tokens] or |`)
    else if (part) words.push(part)
  }
  if (words.length > 64) throw new Error('more than 64 words do not fit this drawing')
  return { words, images, tokens: words.length, cu: Int32Array.from([...cu, words.length]) }
}

export interface MaskCell {
  /** Name of the key: a word, or i, j, k.. for tokens of the first, second, third.. window's images. */
  key: string
  kind: 'image' | 'text'
  /** The query's window is this key's. */
  sameWindow: boolean
  seen: boolean
}

export interface MaskRow {
  query: string
  /** By window, in order. */
  windows: MaskCell[][]
}

/** How a model combines text with images. */
export type FusionKind = 'casa' | 'cross-attention' | 'insertion'

/**
 * What every text token attends to, one row per query and one cell per key: in a CASA or cross-attention layer, by window; with token
 * insertion in self-attention, by sample.
 */
export function maskRows(layout: NamedLayout, kind: FusionKind = 'casa'): MaskRow[] {
  const { cuText, cuKeys, order } = planWindows(layout, 1)
  const imageTokens = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
  const windows = cuText.length - 1
  const isImage = (row: number) => row < imageTokens
  const keysOf = (w: number) => Array.from(order.subarray(cuKeys[w]!, cuKeys[w + 1]!))
  /** Windows that hold images, so that their tokens are named i, j, k in turn. */
  const withImage = Array.from({ length: windows }, (_, w) => w).filter((w) => keysOf(w).some(isImage))
  const nameOf = (row: number, w: number) =>
    isImage(row) ? String.fromCharCode('i'.charCodeAt(0) + (withImage.indexOf(w) % 18)) : layout.words[row - imageTokens]!
  // Insertion has one group of keys per sample, the others one per window.
  const groups: { windows: number[]; isOf(w: number): boolean }[] = Array.from({ length: windows }, (_, w) => ({
    windows: [w],
    isOf: (other: number) => other === w,
  }))
  if (kind === 'insertion') {
    groups.length = 0
    for (let sample = 0; sample + 1 < layout.cu.length; sample++) {
      const [from, to] = [layout.cu[sample]!, layout.cu[sample + 1]!]
      const mine = Array.from({ length: windows }, (_, w) => w).filter((w) => cuText[w]! >= from && cuText[w]! < to)
      groups.push({ windows: mine, isOf: (w) => mine.includes(w) })
    }
  }
  const rows: MaskRow[] = []
  for (let window = 0; window < windows; window++) {
    for (let t = cuText[window]!; t < cuText[window + 1]!; t++) {
      const cells = groups.map((group) => {
        const sameWindow = group.isOf(window)
        // Keys in order: everything up to the query's own token is seen, and after it nothing.
        let seen = sameWindow
        return group.windows.flatMap((w) =>
          keysOf(w)
            .filter((row) => kind !== 'cross-attention' || isImage(row))
            .map((row): MaskCell => {
              const cell = { key: nameOf(row, w), kind: isImage(row) ? ('image' as const) : ('text' as const), sameWindow, seen }
              if (row === imageTokens + t) seen = false
              return cell
            }),
        )
      })
      rows.push({ query: layout.words[t]!, windows: cells.filter((group) => group.length > 0) })
    }
  }
  return rows
}

/** Keys and values that a layer keeps after a conversation: those of text, and those of images. */
export function keysKept(layout: NamedLayout, kind: FusionKind): { text: number; image: number } {
  const { cuText, cuImage } = planWindows(layout, 1)
  const last = cuText.length - 2
  const image = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
  if (kind === 'insertion') return { text: layout.tokens, image }
  const current = cuImage[last + 1]! - cuImage[last]!
  // CASA's own keys of the text since the image come on top of those of self-attention.
  const since = cuText[last + 1]! - cuText[last]!
  return { text: layout.tokens + (kind === 'casa' ? since : 0), image: current }
}

/** The drawing that documents and headers carry. */
export function drawMask(layout: NamedLayout): string {
  return maskRows(layout)
    .map(
      ({ query, windows }) =>
        `${query.padEnd(8)}${windows.map((cells) => cells.map(({ seen, sameWindow }) => (seen ? '1' : sameWindow ? '0' : '.')).join(' ')).join(' | ')}`,
    )
    .join('\n')
}
