import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { drawMask, keysKept, maskRows, parseLayout, type FusionKind } from '../src/layout.ts'
import { root } from './snippets.ts'

describe('the windows of the docs site', () => {
  it.each(['README.md', 'packages/casa/src/windows.ts'])('are drawn as in %s', async (file) => {
    const text = await readFile(join(root, file), 'utf8')
    const rows = text
      .split('\n')
      .map((line) => line.replace(/^( \*)?\s+/, ''))
      .filter((line) => /^[a-f]\s{5,}[01.]/.test(line))
    const compact = (lines: string[]) => lines.map((line) => line.replaceAll(/\s+/g, ' '))
    expect(compact(drawMask(parseLayout('a b [2] c d e [1] f')).split('\n'))).toEqual(compact(rows))
  })

  it('name the keys of each window', () => {
    const [first] = maskRows(parseLayout('[2] a [1] b | c'))
    expect(first!.windows.map((cells) => cells.map(({ key }) => key).join(' '))).toEqual(['i i a', 'j b', 'c'])
  })

  it.each<[FusionKind, string[]]>([
    // Insertion: one causal triangle per sample, images among the text.
    ['insertion', ['a i i b j c|d', '100000.', '111100.', '111111.', '......1']],
    ['cross-attention', ['i i|j', '...', '11.', '..1', '...']],
  ])('are drawn for %s too', (kind, [keys, ...rows]) => {
    const layout = parseLayout('a [2] b [1] c | d')
    const drawn = maskRows(layout, kind)
    expect(drawn[0]!.windows.map((cells) => cells.map(({ key }) => key).join(' ')).join('|')).toBe(keys)
    const digits = drawn.map(({ windows }) =>
      windows.flatMap((cells) => cells.map(({ seen, sameWindow }) => (seen ? '1' : sameWindow ? '0' : '.'))).join(''),
    )
    expect(digits).toEqual(rows)
  })

  it('count the keys that a layer keeps: all images with insertion, the current one otherwise', () => {
    const layout = parseLayout('a [2] b [3] c d')
    expect(keysKept(layout, 'insertion')).toEqual({ text: 4, image: 5 })
    expect(keysKept(layout, 'cross-attention')).toEqual({ text: 4, image: 3 })
    expect(keysKept(layout, 'casa')).toEqual({ text: 6, image: 3 })
  })

  it('say what they do not understand', () => {
    expect(() => parseLayout('a [x] b')).toThrow('[x]: expected a word')
    expect(() => parseLayout('a [0]')).toThrow('1 to 64')
    expect(parseLayout('').tokens).toBe(0)
  })
})
