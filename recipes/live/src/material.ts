/** The reader's material, as scenes use it: fonts, words and emoji styles of one side of the split. */
import { CasaError } from '@casa-js/base'
import type { FontFace } from '@casa-js/data'
import { loadMaterial, type Split } from '@casa-js/reader'
import type { SceneMaterial } from './scene.ts'
import type { PainterMaterial } from './stage.ts'

/** CC-BY-SA: its drawings would bind what is trained on them, so scenes leave that style out. */
const shareAlike = 'openmoji'

export interface LiveMaterial extends SceneMaterial, PainterMaterial {
  fonts: readonly FontFace[]
}

/** @throws CasaError naming a package that is missing. */
export function loadLiveMaterial(split: Split): LiveMaterial {
  const { fonts, words, emoji } = loadMaterial(split)
  const styles = new Map(emoji.styles.filter(({ style }) => style !== shareAlike).map((style) => [style.style, style]))
  return {
    fonts,
    faces: fonts.length,
    words: words.filter(({ length }) => length <= 6),
    styles: [...styles.keys()],
    trains: split === 'train',
    svg(style, name) {
      const found = styles.get(style)
      if (!found) throw new CasaError(`emoji style "${style}" is not among ${[...styles.keys()].join(', ')}`)
      return found.svg(name)
    },
  }
}
