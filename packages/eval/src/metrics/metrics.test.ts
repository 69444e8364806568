import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  anls,
  anlsStar,
  anlsStarScore,
  type AnlsValue,
  exactMatch,
  levenshtein,
  looseMatch,
  type Metric,
  mme,
  multipleChoice,
  normaliseVqaAnswer,
  ocrBench,
  oneOf,
  pairwiseWinRate,
  parseYesNo,
  pope,
  relaxedAccuracy,
  streamScores,
  type StreamTurn,
  vqaAccuracy,
} from './index.ts'

const golden = (name: string) => JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8'))

test('relaxed accuracy equals lmms-eval, and its vectors', () => {
  for (const { pred, gold, score } of golden('relaxed_accuracy'))
    expect(relaxedAccuracy.score(pred, gold), `${pred} | ${gold}`).toBe(score)
  const right = [
    ['0.05', '5%'],
    ['5%%', '0.05'],
    ['0', '0'],
    ['1_000', '1000'],
    ['105', '100'],
    ['٣', '3'],
    ['𝟜𝟚', '42'],
    [' 1e2 ', '100'],
  ]
  const wrong = [
    ['5%', '5'],
    ['0.0', '0'],
    ['0x10', '16'],
    ['', '0'],
    ['1,000', '1000'],
    ['$5', '5'],
    ['yes ', 'yes'],
    ['inf', 'inf'],
    ['nan', 'nan'],
    ['105.0000001', '100'],
    ['1__0', '10'],
    ['_1', '1'],
    ['1e', '1'],
  ]
  for (const [prediction, reference] of right) expect(relaxedAccuracy.score(prediction!, reference!), prediction).toBe(1)
  for (const [prediction, reference] of wrong) expect(relaxedAccuracy.score(prediction!, reference!), prediction).toBe(0)
})

test('ANLS equals lmms-eval, and its vectors', () => {
  for (const { pred, gold, score } of golden('anls')) expect(anls.score(pred, gold), `${pred} | ${gold}`).toBe(score)
  for (const [prediction, reference, score] of [
    ['ab', 'abcd', 0.5],
    ['a', 'abc', 0],
    ['', '', 1],
    ['abc.', 'abc', 0.75],
    ['strasse', 'straße', 0.714],
    ['😀b', '😀a', 0.5],
  ] as const) {
    expect(anls.score(prediction, [reference])).toBeCloseTo(score, 3)
  }
})

test('edit distance is a metric over code points', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀'), maxLength: 8 })
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(levenshtein(a, b)).toBe(levenshtein(b, a))
      expect(levenshtein(a, a)).toBe(0)
      expect(levenshtein(a, c)).toBeLessThanOrEqual(levenshtein(a, b) + levenshtein(b, c))
      expect(levenshtein(a, b)).toBeGreaterThanOrEqual(Math.abs(Array.from(a).length - Array.from(b).length))
    }),
  )
  expect(levenshtein('kitten', 'sitting')).toBe(3)
})

/** The golden file writes "one of" as an object. */
type StoredValue = string | number | boolean | null | StoredValue[] | { oneOf: StoredValue[] } | { [key: string]: StoredValue }

function revive(value: StoredValue): AnlsValue {
  if (Array.isArray(value)) return value.map(revive)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value.oneOf)) return oneOf(...value.oneOf.map(revive))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revive(each)]))
}

test('ANLS* equals the anls_star package: scores and closest answers', () => {
  const rows = golden('anls_star')
  expect(rows.length).toBeGreaterThan(350)
  let otherMatchings = 0
  for (const { reference, prediction, score, closest } of rows) {
    const got = anlsStarScore(revive(reference), prediction)
    const what = JSON.stringify({ reference, prediction })
    expect(got.score, what).toBe(score)
    if (JSON.stringify(got.closest) !== JSON.stringify(revive(closest))) otherMatchings++
  }
  // Of matchings that are equally good, two releases of the original's own matcher do not choose the same.
  expect(otherMatchings).toBeLessThanOrEqual(rows.length / 50)
  expect(anlsStar.score('hello', ['world', 'helo'])).toBe(0.8)
  expect(() => oneOf()).toThrow(/at least one right answer/)
})

test('VQA accuracy equals lmms-eval, and its normaliser', () => {
  for (const { pred, answers, normalised, score } of golden('vqa_accuracy')) {
    expect(normaliseVqaAnswer(pred), pred).toBe(normalised)
    expect(vqaAccuracy.score(pred, answers), pred).toBe(score)
  }
  const vectors = {
    None: '0',
    'half-time': 'half time',
    '7-11': '7 11',
    "the cat's hat": "cat 's hat",
    'U.S.A.': 'usa',
    'a - b': 'b',
  }
  for (const [answer, normalised] of Object.entries(vectors)) expect(normaliseVqaAnswer(answer)).toBe(normalised)
  expect(normaliseVqaAnswer("dont youd've 3.5 ".trim())).toBe("don't you'd've 3.5")
  expect(normaliseVqaAnswer('.'.repeat(40))).toBe('.'.repeat(8))
})

test('OCRBench equals lmms-eval', () => {
  for (const { answer, dataset, question_type, pred, score } of golden('ocrbench')) {
    expect(ocrBench.score(pred, { answer, dataset, questionType: question_type }), JSON.stringify({ pred, answer })).toBe(score)
  }
  const answers = ['a', 'b', 'a'].map((questionType) => ({
    prediction: '',
    score: 1,
    reference: { answer: '', dataset: '', questionType },
  }))
  expect(ocrBench.summarise!(answers)).toEqual({ numbers: { total: 3, a: 2, b: 1 }, main: 'total' })
})

/** Score all answers, then summarise. */
function evaluate<R>(metric: Metric<R>, answers: { prediction: string; reference: R }[]) {
  return metric.summarise!(answers.map((each) => ({ ...each, score: metric.score(each.prediction, each.reference) })))
}

test('MME equals lmms-eval, and its reading of answers', () => {
  for (const { docs, scores, mme_perception_score, mme_cognition_score } of golden('mme')) {
    const answers = docs.map((doc: Record<string, string>) => ({
      prediction: doc.pred,
      reference: { answer: doc.answer, category: doc.category, questionId: doc.question_id },
    }))
    expect(answers.map((each: (typeof answers)[0]) => mme.score(each.prediction, each.reference))).toEqual(scores)
    const { numbers } = evaluate(mme, answers)
    expect([numbers.perception, numbers.cognition]).toEqual([mme_perception_score, mme_cognition_score])
    expect(numbers.total).toBe(mme_perception_score + mme_cognition_score)
    expect(() => evaluate(mme, answers.slice(1))).toThrow(/has 1 questions, expected 2/)
  }
  const vectors = {
    'not sure': 'no',
    know: 'no',
    Nope: 'no',
    eyes: 'yes',
    yeah: 'other',
    'The answer is yes': 'other',
    'Y.': 'yes',
    n: 'no',
    x: 'other',
  }
  for (const [answer, wanted] of Object.entries(vectors)) expect(parseYesNo(answer), answer).toBe(wanted)
})

test('POPE counts yes and no of the predictions', () => {
  const answers = (
    [
      ['yes', 'yes'],
      ['Yes ', 'yes'],
      ['yes', 'no'],
      ['no', 'yes'],
      ['no', 'no'],
      ['a dog', 'yes'],
    ] as const
  ).map(([prediction, reference]) => ({ prediction, reference }))
  const { numbers, main } = evaluate<string>(pope, answers)
  expect(main).toBe('accuracy')
  expect(numbers).toEqual({ accuracy: 3 / 6, precision: 2 / 3, recall: 2 / 3, f1: 2 / 3, yesRatio: 3 / 5 })
  expect(evaluate<string>(pope, []).numbers).toEqual({ accuracy: 0, precision: 0, recall: 0, f1: 0, yesRatio: 0 })
})

test('equality and multiple choice', () => {
  expect([exactMatch.score(' river\n', 'river'), exactMatch.score('River', 'river')]).toEqual([1, 0])
  expect([looseMatch.score('The Cat!', 'the cat'), looseMatch.score('cat', 'cats')]).toEqual([1, 0])
  for (const [answer, score] of [
    ['B. a cat', 1],
    [' B.', 1],
    ['B', 1],
    ['b', 1],
    ['(B)', 1],
    ['a cat', 0],
    ['A. B.', 0],
    ['Answer B.', 0],
  ] as const) {
    expect(multipleChoice.score(answer, 'B'), answer).toBe(score)
  }
})

test('streaming: speaking early, on time and late', () => {
  const silent = (frames: number): boolean[] => Array(frames).fill(false)
  const turn = (speaks: boolean[], speaksAfter: boolean[], correct: boolean[]): StreamTurn => ({
    speaks,
    speaksAfter,
    correct,
    losses: correct.map(() => Math.log(2)),
  })
  const scores = (each: StreamTurn) => streamScores([each], { framesPerSecond: 2 })
  const onTime = turn([false, false, true], [], [true, true, false, true])
  expect(scores(onTime)).toEqual({ lmPpl: expect.closeTo(2), timeDiffSeconds: 0, fluency: 5 / 7, lmCorrectness: 0.5 })
  expect(scores(turn([true, false, true], [], [true]))).toMatchObject({ timeDiffSeconds: 1, fluency: 1 / 4 })
  expect(scores(turn(silent(3), [false, true], [true]))).toMatchObject({ timeDiffSeconds: 1, fluency: 2 / 4 })
  // Late answers are counted over as many frames as early ones can be, and the end of a stream counts as a signal to speak.
  expect(scores(turn(silent(3), silent(9), [true]))).toMatchObject({ timeDiffSeconds: 1 })
  expect(scores(turn(silent(3), [], [true]))).toMatchObject({ timeDiffSeconds: 0, fluency: 1 })
  expect(scores(turn(silent(1), silent(4), [true]))).toMatchObject({ timeDiffSeconds: 0 })
  expect(streamScores([], { framesPerSecond: 2 })).toEqual({ lmPpl: 1, timeDiffSeconds: 0, fluency: 1, lmCorrectness: 1 })
})

test('pairwise: a judge that favours a side wins nobody a pair, and ties count against', async () => {
  const pairs = [
    { question: 'q', ours: 'long answer', theirs: 'short' },
    { question: 'q', ours: 'no', theirs: 'yes!' },
  ]
  expect(await pairwiseWinRate(pairs, async () => 'first')).toEqual({ winRate: 0.5, consistent: 0, wins: 2, losses: 2, ties: 0 })
  const longer = async (_: string, first: string, second: string) =>
    (first.length > second.length ? 'first' : 'second') as 'first' | 'second'
  expect(await pairwiseWinRate(pairs, longer)).toMatchObject({ winRate: 0.5, consistent: 2 })
  expect(await pairwiseWinRate(pairs, async () => 'tie')).toMatchObject({ winRate: 0, ties: 4 })
  await expect(pairwiseWinRate(pairs, longer, { signal: AbortSignal.abort() })).rejects.toThrow()
})
