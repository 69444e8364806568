/** docs/benchmarks/lm.svg: processor time on one thread, ours beside the peers'. */
import { barChart, type Bar } from '../chart.ts'
import type { LmRow } from './table.ts'

export function lmChart(rows: readonly LmRow[]): string {
  const bars = (of: 'prefill' | 'decode'): Bar[] =>
    rows.flatMap(({ name, weights, threads, [of]: timing }) =>
      threads === 1 && timing ? [{ label: `${name}, ${weights}`, ms: timing.processorMs, ours: name.startsWith('casa') }] : [],
    )
  return barChart(
    [
      { title: 'A prompt of 512 tokens, milliseconds of one processor', bars: bars('prefill') },
      { title: 'A decoded token, milliseconds of one processor', bars: bars('decode') },
    ].filter(({ bars }) => bars.length > 0),
  )
}
