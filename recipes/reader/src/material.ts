/** All material of one side of the split. Takes about a second; nothing is shared between calls. */
import type { Material } from '@casa-js/data'
import { loadEmoji } from './emoji.ts'
import { loadFonts } from './fonts.ts'
import type { Split } from './split.ts'
import { loadTables } from './tables.ts'
import { loadLines, loadWords } from './words.ts'

/** @throws CasaError saying which package to install when one is missing. */
export function loadMaterial(split: Split): Material {
  return {
    fonts: loadFonts(split),
    words: loadWords(split),
    lines: loadLines(split),
    emoji: loadEmoji(split),
    tables: loadTables(split),
  }
}
