import { expect, it } from 'vitest'
import { comparisonTable, lossChart, type ComparedCell } from './compared.ts'

const appears = { right: ['A fox appears.'], said: 'A fox appears.' }
const missed = { right: ['A fox appears.'], said: '' }
const quiet = { right: [], said: '' }
const cell = (variant: ComparedCell['variant'], seed: number, frames: ComparedCell['scenes'][number]): ComparedCell => ({
  variant,
  seed,
  losses: Array.from({ length: 60 }, (_, update) => (update < 10 ? 9 : seed)),
  processorSeconds: 10,
  scenes: [frames],
})

it('means over seeds with intervals, differences paired by seed, and no number where there is none', () => {
  const table = comparisonTable([
    cell('casa', 1, [appears, appears, quiet]),
    cell('casa', 2, [appears, missed, quiet]),
    cell('blind', 1, [missed, missed, quiet]),
    cell('blind', 2, [missed, missed, quiet]),
  ])
  const lines = table.split('\n')
  expect(lines[0]).toBe('| | casa | blind |')
  // F1 1 and 2/3: mean 5/6, half width 12.706 x (1/3) / 2, cut at 0 and 100 %.
  expect(lines[2]).toBe('| F1 of all | 83.3 % (0.0 .. 100.0) | 0.0 % |')
  expect(table).toContain('| move | - | - |')
  expect(table).toContain('| loss, last 50 updates | 1.500 (-4.853 .. 7.853) |')
  expect(table).toContain(
    'Seeds: casa 2, blind 2. F1 less that of casa, in points, paired by seed: blind -83.3 (-295.1 .. 128.4).',
  )
})

it('a chart has a line for each variant that was run, whole windows alone', () => {
  const chart = lossChart([cell('casa', 1, [quiet]), cell('casa', 3, [quiet])])
  expect(chart.match(/<circle/g)).toHaveLength(3)
  expect(chart).toContain('casa, 40: 2')
  expect(lossChart([])).toBe('')
})
