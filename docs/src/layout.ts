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

/** What every text token sees in a CASA layer: one row a query, one cell a key. */
export function maskRows(layout: NamedLayout): MaskRow[] {
  const { cuText, cuKeys, order } = planWindows(layout, 1)
  const imageTokens = layout.images.reduce((sum, { tokens }) => sum + tokens, 0)
  const windows = cuText.length - 1
  /** Windows that hold images, so that their tokens are named i, j, k in turn. */
  const withImage = Array.from({ length: windows }, (_, w) => w).filter(
    (w) => order[cuKeys[w]!]! < imageTokens && cuKeys[w + 1]! > cuKeys[w]!,
  )
  const rows: MaskRow[] = []
  for (let window = 0; window < windows; window++) {
    for (let t = cuText[window]!; t < cuText[window + 1]!; t++) {
      // The causal rule aligned at the bottom right: the window's last text token sees all keys, each one before it one less.
      const seenUntil = cuKeys[window + 1]! - (cuText[window + 1]! - 1 - t)
      const cells = (w: number): MaskCell[] =>
        Array.from(order.subarray(cuKeys[w]!, cuKeys[w + 1]!), (row, i) => ({
          key:
            row < imageTokens
              ? String.fromCharCode('i'.charCodeAt(0) + (withImage.indexOf(w) % 18))
              : layout.words[row - imageTokens]!,
          kind: row < imageTokens ? 'image' : 'text',
          sameWindow: w === window,
          seen: w === window && cuKeys[w]! + i < seenUntil,
        }))
      rows.push({ query: layout.words[t]!, windows: Array.from({ length: windows }, (_, w) => cells(w)) })
    }
  }
  return rows
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
