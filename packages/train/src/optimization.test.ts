/** Groups, schedule, clipping. */
import { zeros } from '@casa-js/tensor'
import { init } from '@casa-js/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { adaptation, groupWeights, matchesName, NEW_RATE, PRETRAINED_RATE } from './groups.ts'
import { clipCoefficient } from './optimizer.ts'
import { checkSchedule, scheduleFactor } from './schedule.ts'

beforeAll(async () => void (await init({ device: 'cpu' })))

describe('groups', () => {
  const params = () => ({
    'model.layers.0.q.weight': zeros([2, 2]),
    'model.norm.weight': zeros([2]),
    'casa.layers.0.q.weight': zeros([2, 2]),
  })

  it('gives new weights 1e-4, the rest 1e-5, and decays matrices alone', () => {
    const trained = groupWeights(params(), adaptation(['casa.*']))
    expect(trained.map(({ name, group, learningRate, weightDecay }) => [name, group, learningRate, weightDecay])).toEqual([
      ['model.layers.0.q.weight', 'pretrained', PRETRAINED_RATE, 0.01],
      ['model.norm.weight', 'pretrained', PRETRAINED_RATE, 0],
      ['casa.layers.0.q.weight', 'new', NEW_RATE, 0.01],
    ])
  })
  it('leaves frozen weights out', () => {
    expect(groupWeights(params(), adaptation(['casa.*']), ['model.*']).map(({ name }) => name)).toEqual([
      'casa.layers.0.q.weight',
    ])
  })
  it('names a pattern that matches nothing, a weight of no group, and a model that is all frozen', () => {
    expect(() => groupWeights(params(), adaptation(['cassa.*']))).toThrow(
      /groups\.new\.match: the pattern "cassa\.\*" matches none of the 3 weights/,
    )
    expect(() => groupWeights(params(), adaptation(['casa.*']), ['vision.*'])).toThrow(/freeze: the pattern "vision\.\*"/)
    expect(() => groupWeights(params(), [{ name: 'a', match: ['casa.*'], learningRate: 1 }])).toThrow(
      /no group takes the weight "model\.layers\.0\.q\.weight"/,
    )
    expect(() => groupWeights(params(), adaptation(['casa.*']), ['*'])).toThrow(/all 3 weights are frozen/)
  })
  it('takes a star for any run of characters and everything else literally', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, middle, after) => {
        const plain = (text: string) => text.replaceAll('*', '').replaceAll('\n', '')
        const [a, b, c] = [before, middle, after].map(plain) as [string, string, string]
        expect(matchesName(`${a}*${c}`, a + b + c)).toBe(true)
        expect(matchesName(a, a)).toBe(true)
        if (b !== '') expect(matchesName(a + c, a + b + c)).toBe(a + c === a + b + c)
      }),
    )
  })
})

describe('schedule', () => {
  it('is the original formula', () => {
    const schedule = { steps: 24, warmup: 4, cooldown: 6 }
    expect([0, 1, 2, 3, 4, 18, 19, 22, 23].map((step) => scheduleFactor(schedule, step))).toEqual([
      0.25,
      0.5,
      0.75,
      1,
      1,
      1,
      5 / 6,
      2 / 6,
      1 / 6,
    ])
  })
  it('stays within 0 < factor <= 1, rises then falls', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(100), fc.nat(100), (steps, warmup, cooldown) => {
        const factors = Array.from({ length: steps }, (_, step) => scheduleFactor({ steps, warmup, cooldown }, step))
        expect(factors.every((factor) => factor > 0 && factor <= 1)).toBe(true)
        const peak = factors.indexOf(Math.max(...factors))
        factors.forEach(
          (factor, i) => i > 0 && expect(i <= peak ? factor >= factors[i - 1]! : factor <= factors[i - 1]!).toBe(true),
        )
      }),
    )
  })
  it('names a wrong field', () => {
    expect(() => checkSchedule({ steps: 0, warmup: 0, cooldown: 0 })).toThrow(/schedule\.steps/)
    expect(() => checkSchedule({ steps: 5, warmup: 1.5, cooldown: 0 })).toThrow(/schedule\.warmup/)
  })
})

describe('clipping', () => {
  it('is clip_grad_norm_', () => {
    expect(clipCoefficient(0.5, 1)).toBe(1)
    expect(clipCoefficient(4, 1)).toBe(1 / (4 + 1e-6))
    expect(clipCoefficient(4, undefined)).toBe(1)
  })
})
