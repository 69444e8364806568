/** Scores of captions, on hand-made frames. */
import { hashText } from '@casa-js/data'
import { expect, it } from 'vitest'
import { f1WithInterval, formatScore, measures, piecesOf, scoreScenes, total, type Said } from './score.ts'

const appears = ['A fox appears.']
const moves = ['It moves left.', 'The fox moves left.']
const quiet = (said = ''): Said => ({ right: [], said })

const scoreOf = (frames: Said[]) => scoreScenes([frames])

it('counts what is right at once, what is late, and what was never said', () => {
  const score = scoreOf([
    { right: appears, said: 'A fox appears.' },
    { right: moves, said: '' },
    quiet('It moves left.'),
    { right: ['The sign says camel.'], said: 'The sign says camera.' },
    quiet(),
    quiet(),
  ])
  expect(measures(score.kinds.appear)).toEqual({ precision: 1, recall: 1, f1: 1, delayFrames: 0, kindRecall: 1 })
  expect(measures(score.kinds.move)).toMatchObject({ precision: 1, recall: 1, delayFrames: 1 })
  expect(measures(score.kinds.sign)).toMatchObject({ precision: 0, recall: 0, f1: 0, kindRecall: 1 })
  expect([score.quiet, score.kept, score.strange]).toEqual([3, 2, 0])
  expect(measures(total(score))).toMatchObject({ precision: 2 / 3, recall: 2 / 3 })
})

it('a sentence counts once, "It" and a name are the same, strange sentences cost precision', () => {
  const named = scoreOf([{ right: moves, said: 'The fox moves left.' }])
  expect(named.kinds.move.matched).toBe(1)
  const unnamed = scoreOf([{ right: ['The fox moves left.'], said: 'It moves left.' }])
  expect(unnamed.kinds.move.matched).toBe(0)
  const twice = scoreOf([
    { right: moves, said: '' },
    { right: moves, said: 'It moves left.' },
  ])
  expect(measures(twice.kinds.move)).toMatchObject({ precision: 1, recall: 0.5 })
  const late = scoreOf([{ right: moves, said: '' }, quiet(), quiet(), quiet('It moves left.')])
  expect(late.kinds.move.matched).toBe(0)
  expect(total(scoreOf([quiet('fox fox fox')]))).toMatchObject({ said: 1, matched: 0 })
})

it('a table has a row for each kind and one for all', () => {
  const table = formatScore([[{ right: appears, said: 'A fox appears.' }, quiet()]])
  expect(table.split('\n')).toHaveLength(14)
  expect(table).toContain('| appear | 1 | 100.0 % | 100.0 % | 100.0 % | 100.0 % to 100.0 % | 0.00 | 100.0 % |')
  expect(table).toContain('Silence kept in 100.0 % (100.0 % to 100.0 %) of 1 frames')
})

it('what is said in the next scene is not late', () => {
  const missed: Said = { right: moves, said: '' }
  expect(total(scoreScenes([[missed, quiet('It moves left.')]])).matched).toBe(1)
  expect(total(scoreScenes([[missed], [quiet('It moves left.')]])).matched).toBe(0)
})

it('F1 comes with an interval that holds it, narrower with more frames', () => {
  const frames = (count: number): Said[] =>
    Array.from({ length: count }, (_, i) => ({
      right: appears,
      said: hashText(String(i)) % 3 === 0 ? '' : 'A fox appears.',
    }))
  const [few, many] = [f1WithInterval(piecesOf(frames(200))), f1WithInterval(piecesOf(frames(4000)))]
  for (const { value, interval } of [few, many]) {
    expect(interval[0]).toBeLessThanOrEqual(value)
    expect(interval[1]).toBeGreaterThanOrEqual(value)
  }
  expect(many.interval[1] - many.interval[0]).toBeLessThan(few.interval[1] - few.interval[0])
  expect(f1WithInterval(piecesOf(frames(200)), 'move').value).toBeNaN()
})
