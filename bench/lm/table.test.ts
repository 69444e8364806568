import { expect, it } from 'vitest'
import { lmChart } from './chart.ts'
import { lmPage, type LmRow } from './table.ts'

const timing = (ms: number) => ({ clockMs: 2 * ms, processorMs: ms })
const row = (name: string, threads: number, ms: number): LmRow => ({
  ...{ name, weights: 'int4', threads, load: 3, setting: '', rounds: 3, firstToken: timing(500), tokens: [], peakBytes: 2 ** 28 },
  ...{ prefill: timing(100 * ms), decode: timing(ms) },
})

it('divides by llama.cpp on as many threads, and says what was not measured', () => {
  const machine = { processor: 'a processor', cores: 2, node: '20' }
  const skipped = { name: 'PyTorch', weights: 'float32', threads: 1, load: 3, skipped: 'no torch' }
  const extra = { what: 'a token, planned', setting: 'int4', run: 'plan 1', load: 2, ...timing(15) }
  const rows = [row('casa-js', 1, 20), row('llama.cpp', 1, 25), skipped, row('casa-js', 2, 22)]
  const text = lmPage({ machine, rows, extras: [extra] })
  expect(text).toContain('| casa-js | int4 | 2000 (4000) | 0.80 | 20.0 (40.0) | 0.80 | 500 (1000) | 256 |')
  expect(text).toContain('| PyTorch | float32 | not measured: no torch |')
  expect(text).toContain('| casa-js | int4 | 2200 (4400) |  | 22.0 (44.0) |  | 500 (1000) | 256 |')
  // By the clock, two threads beside one.
  expect(text).toContain('| casa-js | int4 | 0.91 | 0.91 |')
  expect(text).toContain('load average was 2 to 3 on 2 cores')
  expect(text).toContain('| a token, planned | int4 | 15.00 (30.00) |')
  expect(text).toContain('of 3 rounds the least')
  // Two groups of two bars on one thread.
  expect(lmChart(rows).match(/<rect/g)).toHaveLength(4)
  expect(lmChart([skipped])).not.toContain('<rect')
})
