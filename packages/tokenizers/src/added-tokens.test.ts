import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { standsAlone } from './added-tokens.ts'
import { encodeChat } from './chat/encode.ts'
import { createTextStream } from './text-stream.ts'
import { parseTokenizer } from './tokenizer.ts'

interface Golden {
  single_word: { json: unknown; cases: { text: string; ids: number[] }[] }
  byte_fallback: { json: unknown; cases: { ids: number[]; text: string }[] }
}
/** Of the Rust tokenizers: fixtures/make_added.py. */
const golden: Golden = JSON.parse(readFileSync(new URL('../fixtures/added.json', import.meta.url), 'utf8'))

test.each(golden.single_word.cases)('single words in $text: the ids of the Rust original', ({ text, ids }) => {
  expect([...parseTokenizer(golden.single_word.json).encode(text)]).toEqual(ids)
})

test('in text that is not trusted, ordinary single words count and special ones do not', () => {
  const tokenizer = parseTokenizer(golden.single_word.json)
  const [cat, tag] = [tokenizer.idOf('cat')!, tokenizer.specialTokens.get('<tag>')!.id]
  expect([...tokenizer.encodePlain('cat concat <tag>')].filter((id) => id === cat || id === tag)).toEqual([cat])
  const { ids, starts } = tokenizer.encodeParts(['a cat', tag, 'cat cats', ''])
  expect([...ids.subarray(starts[0], starts[1])].at(-1)).toBe(cat)
  expect([...ids.subarray(starts[1], starts[2])]).toEqual([tag])
  expect(ids[starts[2]!]).toBe(cat)
  expect([...ids.subarray(starts[2], starts[3])].filter((id) => id === cat)).toHaveLength(1)
  expect([starts[3], starts[4]]).toEqual([ids.length, ids.length])
})

test("a template's special token beside a word is text, as where transformers tokenises the rendered chat", () => {
  const tokenizer = parseTokenizer(golden.single_word.json)
  const tag = tokenizer.specialTokens.get('<tag>')!.id
  const encode = (source: string) =>
    encodeChat([{ role: 'user', content: [{ type: 'text', text: 'hi' }] }], {
      tokenizer,
      template: { name: 'tagged', source, content: 'text', image: {}, stop: [] },
    }).ids
  expect(encode('<tag> {{ messages[0].content }}')).toContain(tag)
  expect(encode('<tag>{{ messages[0].content }}')).not.toContain(tag)
})

test('word characters are those of the Rust crate regex', () => {
  const alone = (before: string, after: string) => standsAlone(`${before}x${after}`, before.length, before.length + 1)
  expect(['a', '_', '9', 'é', '猫', '\u0301', '\u200d', '𝒳'].map((neighbour) => alone(neighbour, ''))).toEqual(
    Array(8).fill(false),
  )
  expect(['', ' ', '.', '-', '👍', '<'].map((neighbour) => alone('', neighbour))).toEqual(Array(6).fill(true))
})

test.each(golden.byte_fallback.cases)('byte tokens $ids: the text of the Rust original', ({ ids, text }) => {
  const tokenizer = parseTokenizer(golden.byte_fallback.json)
  expect(tokenizer.decode(ids)).toBe(text)
  const stream = createTextStream(tokenizer, { skipSpecial: false })
  const said = ids.map((id) => stream.push(id)).join('') + stream.end()
  // "A" was emitted before the byte that makes the run invalid UTF-8; emitted text is never taken back.
  expect(said).toBe(text === '\uFFFD\uFFFD' && tokenizer.decode(ids.slice(0, 1)) === 'A' ? 'A\uFFFD' : text)
})
