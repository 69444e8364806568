import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readerTokens } from '../chat/built-in.ts'
import { createTextStream } from '../text-stream.ts'
import { parseTokenizer } from '../tokenizer.ts'
import { trainBpe } from './train.ts'

interface Golden {
  texts: string[]
  specialTokens: string[]
  cases: {
    vocabSize: number
    minimumCount: number
    vocab: Record<string, number>
    merges: [string, string][]
    ids: number[][]
  }[]
}
const golden: Golden = JSON.parse(readFileSync(new URL('../../fixtures/bpe.json', import.meta.url), 'utf8'))

test.each(golden.cases)('vocabulary $vocabSize, minimum $minimumCount: merges and ids equal the Rust trainer', (wanted) => {
  const { vocabSize, minimumCount } = wanted
  const json = trainBpe(golden.texts, { vocabSize, minimumCount, specialTokens: golden.specialTokens })
  expect(json.model.merges).toEqual(wanted.merges)
  expect(json.model.vocab).toEqual(wanted.vocab)
  const tokenizer = parseTokenizer(JSON.parse(JSON.stringify(json)))
  expect(golden.texts.map((text) => [...tokenizer.encode(text)])).toEqual(wanted.ids)
})

const corpus = [
  'What word is this? It says river.',
  'What word is this? It says stone.',
  "I can't read the 2nd line: 1999, 25 %.",
]
const trained = trainBpe(corpus, { vocabSize: 300, specialTokens: readerTokens })

test('any UTF-8 text comes back, in one go and streamed', () => {
  const tokenizer = parseTokenizer(trained)
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.constantFrom(...corpus, ...readerTokens)), (text) => {
      const ids = tokenizer.encode(text)
      expect(tokenizer.decode(ids)).toBe(text)
      const stream = createTextStream(tokenizer, { skipSpecial: false })
      expect(Array.from(ids, (id) => stream.push(id)).join('') + stream.end()).toBe(text)
    }),
    { numRuns: 200 },
  )
})

test('the same texts in any order give the same tokenizer, within the vocabulary, digits single', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 30 }), { maxLength: 6 }),
      fc.integer({ min: 256, max: 280 }),
      (texts, vocabSize) => {
        const json = trainBpe(texts, { vocabSize, minimumCount: 1 })
        expect(trainBpe([...texts].reverse(), { vocabSize, minimumCount: 1 })).toEqual(json)
        const vocab = json.model.vocab as Record<string, number>
        expect(Object.keys(vocab).length).toBeLessThanOrEqual(vocabSize)
        expect(Object.values(vocab).sort((a, b) => a - b)).toEqual(Object.keys(vocab).map((_, id) => id))
        expect(Object.keys(vocab).filter((token) => /\d./.test(token) || /.\d/.test(token))).toEqual([])
      },
    ),
    { numRuns: 100 },
  )
})

test('special tokens get the first ids, and texts that were seen often get short', () => {
  const tokenizer = parseTokenizer(trained)
  expect(readerTokens.map((token) => tokenizer.idOf(token))).toEqual([0, 1, 2, 3, 4, 5])
  expect(tokenizer.vocabSize).toBeLessThanOrEqual(300)
  expect(tokenizer.encode('What word is this?').length).toBeLessThan(8)
})

test('errors name what is wrong', () => {
  expect(() => trainBpe([], { vocabSize: 200 })).toThrow(/at least 256, got 200/)
  expect(() => trainBpe([], { vocabSize: 300, specialTokens: ['<a>', '<a>'] })).toThrow(/specialTokens/)
})
