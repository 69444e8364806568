import { readFileSync } from 'node:fs'
import { TokenizerError } from '@casa-js/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTextStream } from './text-stream.ts'
import { parseChatTemplate } from './chat/template.ts'
import type { TokenizerConfig } from './tokenizer-json.ts'
import { parseTokenizer } from './tokenizer.ts'
import { loadQwen } from './fixtures/qwen.ts'

const golden: { text: string; ids: number[]; decoded: string }[] = JSON.parse(
  readFileSync(new URL('../fixtures/qwen2_5_tokens.json', import.meta.url), 'utf8'),
)
const qwen = loadQwen()
/** Any text that UTF-8 can hold: every code point but lone surrogates. */
const anyText = fc.string({ unit: 'binary', maxLength: 60 })

test('Qwen2.5 ids and decoded text equal the Rust tokenizer', () => {
  expect(golden.length).toBeGreaterThan(300)
  for (const { text, ids, decoded } of golden) {
    expect([...qwen.encode(text)], JSON.stringify(text)).toEqual(ids)
    expect(qwen.decode(ids, { skipSpecial: true }), JSON.stringify(text)).toBe(decoded)
  }
})

test('plain text cannot write a special token', () => {
  const special = new Set([...qwen.specialTokens.values()].map((token) => token.id))
  const pieces = [...qwen.specialTokens.keys()].flatMap((token) => [token, token.slice(0, 5), token.slice(5)])
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), anyText), { maxLength: 8 }), (parts) => {
      const text = parts.join('')
      const ids = qwen.encodePlain(text)
      expect([...ids].filter((id) => special.has(id))).toEqual([])
      expect(qwen.decode(ids)).toBe(text.normalize('NFC').replaceAll('\uFDD0', '\uFFFD'))
    }),
    { numRuns: 200 },
  )
})

test('plain encoding equals the golden wherever the text holds no special token', () => {
  const special = [...qwen.specialTokens.keys()]
  const ordinary = golden.filter(({ text }) => !special.some((token) => text.includes(token)))
  expect(ordinary.length).toBeGreaterThan(100)
  for (const { text, ids } of ordinary) expect([...qwen.encodePlain(text)], JSON.stringify(text)).toEqual(ids)
})

test('parts keep their bounds', () => {
  const { ids, starts } = qwen.encodeParts(['Hello', 151652, '', 151653, ' world', ''])
  expect([...ids]).toEqual([9707, 151652, 151653, 1879])
  expect([...starts]).toEqual([0, 1, 2, 2, 3, 4, 4])
  expect([...qwen.encodeParts([]).starts]).toEqual([0])
})

test('ids without a token have no text, as in the Rust original', () => {
  expect(qwen.decode([9707, 151_900, 1879])).toBe('Hello world')
  expect(qwen.decode([])).toBe('')
  expect(qwen.idOf('<|im_end|>')).toBe(151_645)
  expect(qwen.idOf('no such token')).toBeUndefined()
})

test('a stream says exactly what decode says, and never half a character', () => {
  for (const { text, ids } of golden) {
    const stream = createTextStream(qwen)
    const said = ids.map((id) => stream.push(id))
    for (const piece of said) expect(text.includes('\uFFFD') || !piece.includes('\uFFFD'), JSON.stringify(text)).toBe(true)
    expect(said.join('') + stream.end(), JSON.stringify(text)).toBe(qwen.decode(ids, { skipSpecial: true }))
  }
})

test('a stream of any ids, broken UTF-8 included, says what decode says', () => {
  // Bytes come first in this vocabulary, so small ids are mostly broken UTF-8; special tokens are the last ones.
  const id = fc.oneof(fc.nat(255), fc.nat(151_664), fc.integer({ min: 151_643, max: 151_664 }))
  fc.assert(
    fc.property(fc.array(id, { maxLength: 30 }), fc.boolean(), (ids, skipSpecial) => {
      const stream = createTextStream(qwen, { skipSpecial })
      expect(ids.map((each) => stream.push(each)).join('') + stream.end()).toBe(qwen.decode(ids, { skipSpecial }))
    }),
    { numRuns: 200 },
  )
})

/** SentencePiece-style: "▁" for spaces, one put in front, bytes for what the vocabulary lacks. */
const spaced = parseTokenizer({
  added_tokens: [
    { id: 0, content: '<unk>', special: true },
    { id: 1, content: '<s>', special: true },
    { id: 2, content: '</s>', special: true },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: true,
    vocab: Object.fromEntries(
      [
        '<unk>',
        '<s>',
        '</s>',
        ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
      ]
        .concat(['▁', 'a', 'b', 'ab', '▁ab', '▁a'])
        .map((token, id) => [token, id]),
    ),
    merges: [
      ['a', 'b'],
      ['▁', 'ab'],
      ['▁', 'a'],
    ],
  },
})

test('SentencePiece-style spaces: one in front of the text only, streamed or not', () => {
  const idsOf = (text: string): number[] => [...spaced.encode(text)]
  expect(idsOf('ab ab')).toEqual([spaced.idOf('▁ab'), spaced.idOf('▁ab')])
  expect(spaced.decode(idsOf('ab ab'))).toBe('ab ab')
  expect([...spaced.encodeParts(['ab', 2, 'ab']).ids]).toEqual([spaced.idOf('▁ab'), 2, spaced.idOf('ab')])
  const stream = createTextStream(spaced)
  const ids = [1, spaced.idOf('▁ab')!, 2, spaced.idOf('▁a')!, ...idsOf('é😀').slice(1), spaced.idOf('▁')!, spaced.idOf('b')!]
  const said = ids.map((id) => stream.push(id))
  expect(said).toEqual(['', 'ab', '', ' a', '', 'é', '', '', '', '😀', ' ', 'b'])
  expect(stream.end()).toBe('')
})

test('errors say what is wrong with the file', () => {
  expect(() => parseTokenizer(null)).toThrow(/tokenizer\.json: expected an object with a "model"/)
  expect(() => parseTokenizer({ model: { type: 'BPE', vocab: {}, merges: [] }, added_tokens: [{ content: 'x' }] })).toThrow(
    /added_tokens\[0\]/,
  )
  expect(() => parseTokenizer({ model: { type: 'Strange', vocab: {} } })).toThrow(/tokenizer\.json: .*Strange/)
})

test.each([
  [{ added_tokens: 5 }, 'added_tokens: expected a list, found 5'],
  [{ added_tokens: [null] }, 'added_tokens[0]: expected { id'],
  [{ added_tokens: [{ id: 1, content: 'a', special: 'yes' }] }, 'added_tokens[0]: special: expected true or false, found "yes"'],
  [{ added_tokens: [{ id: 4294967294, content: 'a' }] }, 'added_tokens[0]: id 4294967294 is not below'],
])('%j is an error that names the field', (fields, message) => {
  const parse = () => parseTokenizer({ model: { type: 'BPE', vocab: {}, merges: [] }, ...fields })
  expect(parse).toThrow(TokenizerError)
  expect(parse).toThrow(`tokenizer.json: ${message}`)
})

test.each([
  [{ chat_template: [null] }, 'chat_template[0]: expected { name, template }'],
  [{ chat_template: 5 }, 'chat_template: expected a text, or a list'],
  [{ chat_template: [{ name: 'default' }] }, 'chat_template[0]'],
  [{ chat_template: 'x', eos_token: 5 }, 'eos_token: expected a text'],
])('tokenizer_config.json %j is an error that names the field', (config, message) => {
  const parse = () => parseChatTemplate({ config: config as TokenizerConfig })
  expect(parse).toThrow(TokenizerError)
  expect(parse).toThrow(`tokenizer_config.json: ${message}`)
})
