/**
 * Font families (packages @expo-google-fonts/*, OFL-1.1 or Apache-2.0). Chosen: real lower case, capitals that tell 0 from O,
 * legible at 20 px, small packages. Every face from Light to Black, upright and italic, is used.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CasaError } from '@casa-js/base'
import type { FontFace } from '@casa-js/data'
import { packageFolder } from './packages.ts'
import type { Split } from './split.ts'

export const fontFamilies: Record<Split, string[]> = {
  train: [
    'abril-fatface',
    'anonymous-pro',
    'archivo-black',
    'arimo',
    'assistant',
    'atkinson-hyperlegible',
    'bubblegum-sans',
    'cabin',
    'cambo',
    'carter-one',
    'chewy',
    'comfortaa',
    'dm-mono',
    'dm-serif-text',
    'domine',
    'fauna-one',
    'fragment-mono',
    'fredoka-one',
    'gabarito',
    'gloria-hallelujah',
    'gochi-hand',
    'inconsolata',
    'indie-flower',
    'inria-serif',
    'instrument-serif',
    'lato',
    'libre-caslon-text',
    'lilita-one',
    'maven-pro',
    'oxygen',
    'pt-mono',
    'pt-sans',
    'pt-sans-narrow',
    'questrial',
    'righteous',
    'russo-one',
    'schoolbell',
    'share-tech-mono',
    'sorts-mill-goudy',
    'space-mono',
    'special-elite',
    'tenor-sans',
    'varela-round',
    'vt323',
    'young-serif',
    'zilla-slab',
  ],
  heldOut: [
    'titillium-web',
    'crimson-text',
    'roboto-slab',
    'courier-prime',
    'comic-neue',
    'oswald',
    'quicksand',
    'pt-serif',
    'patrick-hand',
    'karla',
  ],
}

/** Faces thinner than Light vanish at 20 px. */
const tooThin = /_(100|200)/

/** Every face of the split's families, in a fixed order. @throws CasaError naming a package that is missing or empty. */
export function loadFonts(split: Split): FontFace[] {
  return fontFamilies[split].flatMap((family) => {
    const folder = packageFolder(`@expo-google-fonts/${family}`)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const faces = files.filter((file) => file.endsWith('.ttf') && !tooThin.test(file)).sort()
    if (faces.length === 0) throw new CasaError(`font ${family}: no TTF file in ${folder}; reinstall that package`)
    return faces.map((file) => ({ family, file: join(folder, file) }))
  })
}
