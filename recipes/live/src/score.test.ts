/** Scores of captions, on hand-made frames. */
import { hashText } from '@casa-js/data'
import { expect, it } from 'vitest'
import type { SceneEvent } from './scene.ts'
import { f1WithInterval, formatScore, measures, piecesOf, scoreScenes, total, type Said } from './score.ts'

const place = { row: 0, column: 0, shift: { x: 0, y: 0 } } as const
const fox = { kind: 'emoji', id: 1, ...place, name: 'fox', style: 'noto', altered: 0, size: 'big' } as const
const look = { face: 0, sizePx: 20, board: 0 }
const appears: SceneEvent = { kind: 'appear', thing: fox }
const moves: SceneEvent = { kind: 'move', thing: fox, direction: 'left' }
const sign: SceneEvent = { kind: 'appear', thing: { kind: 'sign', id: 2, ...place, word: 'camel', look } }
const quiet = (said = ''): Said => ({ caption: '', said })

const scoreOf = (frames: Said[]) => scoreScenes([frames])

it('counts what is right at once, what is late, and what was never said', () => {
  const score = scoreOf([
    { event: appears, caption: 'A fox appears.', said: 'A fox appears.' },
    { event: moves, caption: 'It moves left.', said: '' },
    quiet('It moves left.'),
    { event: sign, caption: 'The sign says camel.', said: 'The sign says camera.' },
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
  const named = scoreOf([{ event: moves, caption: 'It moves left.', said: 'The fox moves left.' }])
  expect(named.kinds.move.matched).toBe(1)
  const unnamed = scoreOf([{ event: moves, caption: 'The fox moves left.', said: 'It moves left.' }])
  expect(unnamed.kinds.move.matched).toBe(0)
  const twice = scoreOf([
    { event: moves, caption: 'It moves left.', said: '' },
    { event: moves, caption: 'It moves left.', said: 'It moves left.' },
  ])
  expect(measures(twice.kinds.move)).toMatchObject({ precision: 1, recall: 0.5 })
  const late = scoreOf([{ event: moves, caption: 'It moves left.', said: '' }, quiet(), quiet(), quiet('It moves left.')])
  expect(late.kinds.move.matched).toBe(0)
  expect(total(scoreOf([quiet('fox fox fox')]))).toMatchObject({ said: 1, matched: 0 })
})

it('a table has a row for each kind and one for all', () => {
  const table = formatScore([[{ event: appears, caption: 'A fox appears.', said: 'A fox appears.' }, quiet()]])
  expect(table.split('\n')).toHaveLength(14)
  expect(table).toContain('| appear | 1 | 100.0 % | 100.0 % | 100.0 % | 100.0 % to 100.0 % | 0.00 | 100.0 % |')
  expect(table).toContain('Silence kept in 100.0 % (100.0 % to 100.0 %) of 1 frames')
})

it('what is said in the next scene is not late', () => {
  const missed: Said = { event: moves, caption: 'It moves left.', said: '' }
  expect(total(scoreScenes([[missed, quiet('It moves left.')]])).matched).toBe(1)
  expect(total(scoreScenes([[missed], [quiet('It moves left.')]])).matched).toBe(0)
})

it('F1 comes with an interval that holds it, narrower with more frames', () => {
  const frames = (count: number): Said[] =>
    Array.from({ length: count }, (_, i) => ({
      event: appears,
      caption: 'A fox appears.',
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
