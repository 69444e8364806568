import { expect, test } from 'vitest'
import type { StudyDefinition } from './define.ts'
import { planStudy } from './plan.ts'

const study = {
  name: 'small',
  run: {
    model: { folder: 'base' },
    data: { jsonl: 'a.jsonl' },
    batch: { textTokens: 8, imageTokens: 8 },
    steps: 10,
    out: 'elsewhere',
  },
  factors: {
    fusion: { none: {}, casa: { run: { batch: { perStep: 2 }, data: { module: './d.ts', jsonl: null } } } },
    budget: { steps: {}, flops: { trainingFlops: 1e9 } },
  },
  seeds: [1, 2],
} satisfies StudyDefinition

test('every combination is a cell, the first seed of all before the second of any', () => {
  const { cells, compare, baseline } = planStudy(study, 'study.ts')
  expect(cells.map(({ key }) => key)).toEqual([
    'fusion=none,budget=steps,seed=1',
    'fusion=none,budget=flops,seed=1',
    'fusion=casa,budget=steps,seed=1',
    'fusion=casa,budget=flops,seed=1',
    'fusion=none,budget=steps,seed=2',
    'fusion=none,budget=flops,seed=2',
    'fusion=casa,budget=steps,seed=2',
    'fusion=casa,budget=flops,seed=2',
  ])
  expect([compare, baseline]).toEqual(['fusion', 'none'])
  expect(cells[7]!.trainingFlops).toBe(1e9)
})

test('levels are merged into the run field by field; null takes a field away; seed and out are the study’s', () => {
  const { cells } = planStudy(study, 'study.ts')
  expect(cells[6]!.run).toEqual({
    model: { folder: 'base' },
    data: { module: './d.ts' },
    batch: { textTokens: 8, imageTokens: 8, perStep: 2 },
    steps: 10,
    seed: 2,
  })
  expect(study.run.batch).toEqual({ textTokens: 8, imageTokens: 8 })
})

test('cells can be left out', () => {
  const { cells } = planStudy({ ...study, skip: [{ fusion: 'none', budget: 'flops' }] }, 'study.ts')
  expect(cells).toHaveLength(6)
})

test.each([
  [{ ...study, seeds: [] }, /study\.ts: seeds/],
  [{ ...study, seeds: [1, 1] }, /seeds: expected different/],
  [{ ...study, factors: {} }, /factors/],
  [{ ...study, factors: { seed: { a: {} } } }, /"seed": names are/],
  [{ ...study, factors: { f: { 'a=b': {} } } }, /"a=b": names are/],
  [{ ...study, factors: { f: { a: { steps: 3 } } } }, /steps: there is no such field/],
  [{ ...study, compare: 'x' }, /compare: expected one of fusion, budget/],
  [{ ...study, baseline: 'x' }, /baseline: expected a level of fusion: none, casa/],
  [{ ...study, skip: [{ fusion: 'x' }] }, /skip\.0\.fusion: there is no level "x"/],
  [{ ...study, sedes: [1] }, /sedes: there is no such field/],
])('%# is refused by the field', (wrong, message) => {
  expect(() => planStudy(wrong, 'study.ts')).toThrow(message)
})
