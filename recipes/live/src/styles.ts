/**
 * Emoji styles that training has beside the reader's. Two of them lack a few of the names, and have names of their own for others.
 */
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { CasaError } from '@casa-js/base'
import type { EmojiStyle } from '@casa-js/data'
import { drawingOf, type IconSet } from '@casa-js/reader'
import { emojiNames } from './things.ts'

/** Own names of a set; null for what it lacks. Where it has several drawings, the first. */
const ownNames: Record<string, Record<string, string | null>> = {
  'fluent-emoji': {},
  fxemoji: {
    panda: 'pandaface', crab: null, owl: null, 'lady beetle': 'ladybeetle', 'evergreen tree': 'evergreen', 'red apple': 'redapple',
    carrot: null, pizza: 'sliceofpizza', snowman: 'snowmanwithoutsnow', 'soccer ball': 'soccerball', basketball: 'basketballandhoop',
    'red heart': 'redheart',
  },
  'streamline-emojis': {
    frog: 'frog-face', panda: 'panda-face', penguin: 'penguin-1', crab: null, owl: null, sunflower: 'sunflower-1', cactus: 'cactus-1',
    'evergreen tree': null, banana: null, strawberry: 'strawberry-1', watermelon: 'watermelon-1', carrot: null, pizza: 'pizza-1',
    hamburger: 'hamburger-1', doughnut: 'doughnut-1', 'soccer ball': null, 'red heart': null,
  },
} // prettier-ignore

const require = createRequire(import.meta.url)

/** A style that may lack names: `svg` throws for those. */
export interface PartialStyle extends EmojiStyle {
  has(name: string): boolean
}

/** @throws CasaError for a package that is not installed or lacks a drawing. */
export function loadMoreStyles(): PartialStyle[] {
  return Object.entries(ownNames).map(([style, names]) => {
    const set = JSON.parse(iconSetText(style)) as IconSet
    const drawings = new Map<string, string>()
    for (const name of emojiNames) {
      const key = names[name]
      if (key !== null) drawings.set(name, drawingOf(set, name, style, key))
    }
    return {
      style,
      has: (name) => drawings.has(name),
      svg(name) {
        const drawing = drawings.get(name)
        if (!drawing) throw new CasaError(`emoji style ${style} has no "${name}"`)
        return drawing
      },
    }
  })
}

function iconSetText(style: string): string {
  try {
    return readFileSync(require.resolve(`@iconify-json/${style}/icons.json`), 'utf8')
  } catch (cause) {
    throw new CasaError(`package @iconify-json/${style} is not installed; run "pnpm install" at the top of the checkout`, {
      cause,
    })
  }
}
