import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { drawMask, maskRows, parseLayout } from '../src/layout.ts'
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

  it('say what they do not understand', () => {
    expect(() => parseLayout('a [x] b')).toThrow('[x]: expected a word')
    expect(() => parseLayout('a [0]')).toThrow('1 to 64')
    expect(parseLayout('').tokens).toBe(0)
  })
})
