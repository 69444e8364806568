/** The reader's material, as scenes use it: fonts, words and emoji styles of one side of the split. */
import { CasaError } from '@casa-js/base'
import type { FontFace } from '@casa-js/data'
import { loadMaterial, type Split } from '@casa-js/reader'
import type { SceneMaterial } from './scene.ts'
import type { PainterMaterial } from './stage.ts'
import { loadMoreStyles, type PartialStyle } from './styles.ts'

/** CC-BY-SA: its drawings would bind what is trained on them, so scenes leave that style out. */
const shareAlike = 'openmoji'

export interface LiveMaterial extends SceneMaterial, PainterMaterial {
  fonts: readonly FontFace[]
  /** Names of all emoji styles of this side. */
  styles: readonly string[]
}

/** @throws CasaError naming a package that is missing. */
export function loadLiveMaterial(split: Split): LiveMaterial {
  const { fonts, words, emoji } = loadMaterial(split)
  const own: PartialStyle[] = emoji.styles
    .filter(({ style }) => style !== shareAlike)
    .map((style) => ({ ...style, has: () => true }))
  const styles = new Map([...own, ...(split === 'train' ? loadMoreStyles() : [])].map((style) => [style.style, style]))
  return {
    fonts,
    faces: fonts.length,
    words: words.filter(({ length }) => length <= 6),
    styles: [...styles.keys()],
    stylesOf: (name) => [...styles.values()].filter((style) => style.has(name)).map(({ style }) => style),
    trains: split === 'train',
    svg(style, name) {
      const found = styles.get(style)
      if (!found) throw new CasaError(`emoji style "${style}" is not among ${[...styles.keys()].join(', ')}`)
      return found.svg(name)
    },
  }
}
