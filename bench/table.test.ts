import { describe, expect, it } from 'vitest'
import { chart } from './chart.ts'
import { memoryTable } from './memory-table.ts'
import { comparedMs, spread, table, type Row } from './table.ts'

const machine = { processor: 'a processor', cores: 2, node: '20.0.0' }
const row = (contestant: string, processor: number, clock: number, more: Partial<Row> = {}): Row => ({
  case: 'step',
  contestant,
  counts: 'processor',
  date: '2026-01-01',
  load: 1,
  runs: 3,
  name: contestant,
  version: '1.0',
  setting: 'wasm',
  processorMs: { best: processor, median: processor },
  clockMs: { best: clock, median: clock },
  value: 6.28,
  peakBytes: 2 ** 28,
  ...more,
})
const rows = [
  row('casa:wasm', 600, 900),
  row('casa:wasm x2', 620, 300, { counts: 'clock' }),
  row('casa:webgpu', 50_000, 45_000, { counts: 'clock', software: true }),
  row('jax', 0, 0, { processorMs: undefined, clockMs: undefined, skipped: 'Error: none' }),
  row('pytorch:1', 400, 2000),
  row('pytorch:2', 450, 240, { counts: 'clock' }),
]
/** Cells of the one table, without its head. */
const cells = (markdown: string) => {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('the table of peers', () => {
  it('compares processor time on one thread, and the clock on several', () => {
    const ratios = cells(table(machine, rows)).map((line) => line.slice(4, 7))
    expect(ratios).toEqual([
      ['1.00', '1.50', '2.50'],
      ['0.50', '0.75', '1.25'],
      ['', '', ''],
      ['', '', ''],
      ['0.67', '1.00', '1.67'],
      ['0.40', '0.60', '1.00'],
    ])
  })

  it('shows the loss of a software adapter, and makes neither ratio nor rate of its times', () => {
    const line = cells(table(machine, rows))[2]!
    expect(line.slice(4, 9)).toEqual(['', '', '', '', '6.28000'])
    expect(comparedMs(rows[2]!)).toBeUndefined()
  })

  it('has as many cells in every line, also where a contestant is skipped', () => {
    const lines = cells(table(machine, rows))
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([11]))
    expect(lines[3]![2]).toBe('skipped: Error: none')
  })

  it("marks a result that is not the others'", () => {
    const lines = cells(table(machine, [...rows.slice(0, 2), row('onnx:1', 500, 500, { value: 6.29 })]))
    expect(lines.map((line) => line[8])).toEqual(['6.28000', '6.28000', '6.29000, differs'])
  })

  it('makes the best and the median of times in any order', () => {
    expect(spread([5, 1, 9, 3, 2])).toEqual({ best: 1, median: 3 })
    expect(spread([])).toBeUndefined()
  })
})

describe('the chart', () => {
  it('draws bars in proportion, and breaks off one that is far longer', () => {
    const svg = chart([...rows, row('tfjs', 12_000, 12_000)])
    const widths = [...svg.matchAll(/<rect class="(?:ours|peer)" x="\d+" width="([\d.]+)"/g)].map((match) => Number(match[1]))
    expect(widths.map((width) => Math.round((600 * width) / widths[0]!))).toEqual([600, 300, 400, 240, 600])
    expect(svg.match(/class="break"/g)).toHaveLength(1)
    expect(svg).toContain('12,000')
  })
})

describe('the table of memory', () => {
  it('has a rate a token and a ratio, and says what did not fit', () => {
    const one = { way: 'forward', tokens: 1024, contestant: 'casa', heapBytes: 2 ** 20, processBytes: 0 } as const
    const [more, none] = [
      { ...one, contestant: 'tfjs', heapBytes: 2 ** 24 } as const,
      { ...one, heapBytes: undefined, skipped: 'no room' },
    ]
    expect(cells(memoryTable([one, more, none])).map((line) => line.slice(3))).toEqual([
      ['1.0', '1.0', '1.0', '0.0'],
      ['16.0', '16.0', '16.0', '0.0'],
      ['no room', '', '', ''],
    ])
  })
})
