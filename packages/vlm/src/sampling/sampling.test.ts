import { createRandom } from '@casa-js/core'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  captionSampling,
  createProcessors,
  createSampler,
  divideByTemperature,
  emaRepetitionPenalty,
  keepMinP,
  keepTopK,
  keepTopP,
  likeliest,
  noRepeatNgram,
  repetitionPenalty,
  softmax,
  tokenBias,
  type LogitsProcessor,
} from './index.ts'

interface GoldenCase {
  processor: string
  value: number
  ids: number[]
  scores: number[]
  result: (number | null)[]
}
interface GoldenStream {
  value: { penalty: number; decay: number; ignore: number[]; max_clamp: number; bias_tokens: number[]; bias: number }
  stream: { last_token: number; scores: number[]; after_ema: number[]; after_bias: number[] }[]
}
const golden: (GoldenCase | GoldenStream)[] = JSON.parse(
  readFileSync(new URL('../../fixtures/logits_processors.json', import.meta.url), 'utf8'),
)
const cases = golden.filter((row): row is GoldenCase => !('stream' in row))
const streams = golden.filter((row): row is GoldenStream => 'stream' in row)
const makers: Record<string, (value: number) => LogitsProcessor> = {
  temperature: divideByTemperature,
  top_k: keepTopK,
  top_p: keepTopP,
  min_p: keepMinP,
  repetition_penalty: repetitionPenalty,
  no_repeat_ngram: noRepeatNgram,
}

test('every processor equals transformers, to the bit', () => {
  expect(new Set(cases.map(({ processor }) => processor)).size).toBe(6)
  for (const { processor, value, ids, scores, result } of cases) {
    const logits = Float32Array.from(scores)
    makers[processor]!(value)(logits, ids)
    expect(
      Array.from(logits, (each) => (each === -Infinity ? null : each)),
      processor,
    ).toEqual(result)
  }
})

test('the EMA penalty and the stop bias equal the live captioner, step by step', () => {
  for (const { value, stream } of streams) {
    const ema = emaRepetitionPenalty({ penalty: value.penalty, decay: value.decay, limit: value.max_clamp, exempt: value.ignore })
    const bias = tokenBias(value.bias_tokens, value.bias)
    const ids: number[] = []
    for (const step of stream) {
      ids.push(step.last_token)
      const logits = Float32Array.from(step.scores)
      ema(logits, ids)
      step.after_ema.forEach((wanted, id) => expect(Math.abs(logits[id]! - wanted)).toBeLessThanOrEqual(2e-7 * Math.abs(wanted)))
      logits.set(step.after_ema)
      bias(logits, ids)
      expect(Array.from(logits)).toEqual(step.after_bias)
    }
  }
})

const anyLogits = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 30 })
  .map((values) => Float32Array.from(values))
const left = (logits: Float32Array): number[] => Array.from(logits.keys()).filter((id) => logits[id]! > -Infinity)

test('laws of cutting: the likeliest stays, kept logits are untouched, larger k and p keep more', () => {
  fc.assert(
    fc.property(anyLogits, fc.integer({ min: 1, max: 30 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (logits, k, p) => {
      for (const [small, large] of [
        [keepTopK(k), keepTopK(k + 1)],
        [keepTopP(p * 0.5), keepTopP(p)],
        [keepMinP(p), keepMinP(p * 0.5)],
      ]) {
        const few = logits.slice()
        const more = logits.slice()
        small!(few, [])
        large!(more, [])
        expect(left(few).length).toBeGreaterThan(0)
        // Of equals any may stay.
        expect(few[likeliest(few)]).toBe(logits[likeliest(logits)])
        for (const id of left(few)) expect(few[id]).toBe(logits[id])
        expect(left(more)).toEqual(expect.arrayContaining(left(few)))
      }
    }),
  )
})

test('no n-gram repeats within the window, and stop tokens stay free', () => {
  const block = noRepeatNgram(3, { lastTokens: 6, exempt: [9] })
  const banned = (ids: number[]): number[] => {
    const logits = new Float32Array(10)
    block(logits, ids)
    return Array.from(logits.keys()).filter((id) => logits[id] === -Infinity)
  }
  expect(banned([1, 2, 3, 1, 2])).toEqual([3])
  expect(banned([1, 2, 3, 4, 5, 1, 2])).toEqual([])
  expect(banned([1, 2, 9, 1, 2])).toEqual([])
  expect(banned([1])).toEqual([])
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 4 }), (seed, size) => {
      const sample = createSampler({ temperature: 1, noRepeatNgram: { size }, seed })
      const ids: number[] = []
      while (ids.length < size + 4) ids.push(sample(new Float32Array(size + 4), ids))
      const runs = ids.slice(size - 1).map((_, at) => ids.slice(at, at + size).join())
      expect(new Set(runs).size).toBe(runs.length)
    }),
  )
})

test('greedy takes the first of the largest; the same seed draws the same tokens', () => {
  expect(createSampler()(Float32Array.of(1, 3, 3), [])).toBe(1)
  expect(createSampler({ topK: 1, temperature: 0 })(Float32Array.of(1, 3, 2), [])).toBe(1)
  const draw = (seed: number): number[] => {
    const sample = createSampler({ temperature: 1, seed })
    return Array.from({ length: 50 }, () => sample(Float32Array.of(0, 1, 2, 0.5), []))
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  expect(() => createSampler()(Float32Array.of(-Infinity, NaN), [])).toThrow(/no token can be chosen/)
  expect(() => createSampler({ temperature: 1 })(Float32Array.of(NaN, NaN), [])).toThrow(/no token can be chosen/)
})

test('a choice among the largest logits is the choice among all of them', () => {
  // Quarters, so that there are ties, at the cut too.
  const values = fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 1, maxLength: 40 })
  const settings = fc.record({
    topK: fc.integer({ min: 1, max: 12 }),
    temperature: fc.constantFrom(0.3, 0.5, 1.3),
    seed: fc.nat(),
  })
  let decided = 0
  fc.assert(
    fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), settings, (rows, options) => {
      const [all, some] = [createSampler(options), createSampler(options)]
      const { count, choose } = some.shortlist!
      for (const row of rows) {
        const logits = Float32Array.from(row, (value) => value / 4)
        const order = Array.from(logits.keys())
          .sort((a, b) => logits[b]! - logits[a]! || a - b)
          .slice(0, count)
        const chosen = choose(
          Float32Array.from(order, (id) => logits[id]!),
          Int32Array.from(order),
        )
        if (chosen !== undefined) decided++
        // Undecided, it is given all logits, and has drawn no number yet.
        expect(chosen ?? some(logits.slice(), [])).toBe(all(logits.slice(), []))
      }
    }),
  )
  expect(decided).toBeGreaterThan(50)
  const [nothing, unknown] = [Float32Array.of(-Infinity), Float32Array.of()]
  const one = createSampler({ temperature: 1, topK: 1 })
  for (const list of [nothing, unknown]) expect(one.shortlist!.choose(list, Int32Array.of(0))).toBeUndefined()
  for (const options of [{}, { temperature: 1 }, { temperature: 1, topK: 9, topP: 0.9 }, { repetitionPenalty: 1.2 }])
    expect(createSampler(options).shortlist).toBeUndefined()
  // Of a greedy sampler the device is asked for the token alone.
  expect([{}, { topK: 9 }, { temperature: 1, topK: 1 }, { stopBias: 1 }].map((options) => createSampler(options).greedy)).toEqual(
    [...[true, true, false, false]],
  )
})

test('draws follow the probabilities', () => {
  const logits = Float32Array.of(Math.log(0.5), Math.log(0.3), -Infinity, Math.log(0.2))
  expect(Array.from(softmax(logits), (value) => Math.round(value * 1e6) / 1e6)).toEqual([0.5, 0.3, 0, 0.2])
  const sample = createSampler({ temperature: 1, seed: 1 })
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 20_000; i++) counts[sample(logits.slice(), [])]!++
  // Five standard deviations of a binomial count: 5 * sqrt(20000 * 0.25) = 354.
  expect(Math.abs(counts[0]! - 10_000)).toBeLessThan(354)
  expect(Math.abs(counts[1]! - 6_000)).toBeLessThan(354)
  expect(counts[2]).toBe(0)
})

test('the list of live captions, and errors by option', () => {
  expect(createProcessors({ ...captionSampling, stopTokens: [3] })).toHaveLength(5)
  expect(createProcessors({})).toEqual([])
  for (const [options, message] of [
    [{ temperature: -1 }, /sampling: temperature: expected a number of at least 0, got -1/],
    [{ topK: 0 }, /topK/],
    [{ topP: 1.5 }, /topP/],
    [{ minP: NaN }, /minP/],
    [{ emaPenalty: { penalty: 1.1, decay: 1 } }, /emaPenalty\.decay/],
    [{ noRepeatNgram: { size: 1.5 } }, /noRepeatNgram\.size/],
    [{ stopBias: 0 }, /stopBias/],
  ] as const)
    expect(() => createProcessors(options)).toThrow(message)
})

/** As it is written down: everything sorted, the smallest dropped while their sum is at most 1 - p. */
function topPBySorting(logits: Float32Array, p: number): number[] {
  const probabilities = softmax(logits)
  const ascending = Array.from(logits.keys()).sort((a, b) => logits[a]! - logits[b]!)
  let sum = 0
  const kept = new Set(ascending)
  for (const id of ascending.slice(0, -1)) {
    sum = Math.fround(sum + probabilities[id]!)
    if (sum > Math.fround(1 - p)) break
    kept.delete(id)
  }
  return Array.from(logits.keys()).filter((id) => kept.has(id))
}

test('top-p and top-k keep what sorting the whole vocabulary would keep', () => {
  // Quarters, so that there are ties and sums are exact.
  const values = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), fc.integer({ min: 1, max: 60 }), (quarters, p, k) => {
      const logits = Float32Array.from(quarters, (value) => value / 4)
      const [few, some] = [logits.slice(), logits.slice()]
      keepTopP(p)(few, [])
      keepTopK(k)(some, [])
      const expected = topPBySorting(logits, p)
      // A sum in another order may round to the other side of 1 - p: by one token at most.
      expect(Math.abs(left(few).length - expected.length)).toBeLessThanOrEqual(1)
      for (const id of left(few)) expect(few[id]).toBe(logits[id])
      const threshold = logits.slice().sort().at(-Math.min(k, logits.length))!
      expect(left(some)).toEqual(Array.from(logits.keys()).filter((id) => logits[id]! >= threshold))
    }),
  )
})

test('a vocabulary of 151,936 costs top-p a few passes over it, whatever the distribution', () => {
  const random = createRandom(1)
  const peaked = Float32Array.from({ length: 151_936 }, () => 3 * random.normal())
  const flat = Float32Array.from({ length: 151_936 }, () => 0.01 * random.normal())
  for (const logits of [peaked, flat]) {
    const expected = topPBySorting(logits, 0.9).length
    const cutLogits = logits.slice()
    keepTopP(0.9)(cutLogits, [])
    expect(Math.abs(left(cutLogits).length - expected) / expected).toBeLessThan(1e-3)
  }
})
