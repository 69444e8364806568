import type { Message } from '@casa-js/core'
import { loadMaterial } from '@casa-js/reader'
import { describe, expect, it } from 'vitest'
import createAlbum, { listPrompt, type AlbumOptions } from './album.ts'
import { firstEmoji, firstWords } from './first-things.ts'

const rules: AlbumOptions = { split: 'train', seed: 1, letters: [3, 6], pictures: { list: 12, turns: 5 }, difficulty: 0 }
const textOf = ({ content }: Message) => content.map((part) => (part.type === 'text' ? part.text : '')).join('|')

describe('conversations about many pictures', () => {
  it('name one picture after another, with or without a stop token', async () => {
    for (const stops of [true, false]) {
      const { messages } = await createAlbum({ ...rules, lists: 1, stops }).get(0)
      expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
      expect(textOf(messages[0]!)).toBe(listPrompt)
      const parts = messages[1]!.content
      expect(parts.map(({ type }) => type)).toEqual(Array.from({ length: 12 }, () => ['image', 'text']).flat())
      for (const part of parts) if (part.type === 'text') expect(part.stop).toBe(stops)
    }
  })

  it('ask about each in a turn of its own, in the style that the question asks for', async () => {
    const album = createAlbum({ ...rules, lists: 0, styles: true })
    const { messages } = await album.get(3)
    expect(messages.map(({ role }) => role)).toEqual(Array.from({ length: 5 }, () => ['user', 'assistant']).flat())
    expect((await album.get(3)).messages.map(textOf)).toEqual(messages.map(textOf))
    for (let turn = 0; turn < 10; turn += 2)
      if (textOf(messages[turn]!).includes('JSON')) expect(JSON.parse(textOf(messages[turn + 1]!))).toEqual(expect.any(Object))
  })

  it('begin with a closed set of things, none of which is held out', async () => {
    const [train, heldOut] = [loadMaterial('train'), new Set(loadMaterial('heldOut').words)]
    expect(firstWords.filter((word) => heldOut.has(word) || !train.words.includes(word))).toEqual([])
    expect(firstEmoji.filter((name) => !train.emoji.names.includes(name))).toEqual([])
    const known = new Set([...firstWords, ...firstEmoji, ...'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'])
    const { messages } = await createAlbum({ ...rules, lists: 1, first: true, lowerCase: true }).get(1)
    expect(
      textOf(messages[1]!)
        .split('|')
        .filter((name) => name !== '' && !known.has(name)),
    ).toEqual([])
  })
})
