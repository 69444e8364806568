/** Results of `pnpm bench`, one file of JSON per machine, as bars. */

/** What `pnpm bench` writes: docs/benchmarks/peers.json, or a file in docs/benchmarks/machines. */
export interface PeersFile {
  machine: { processor: string; cores: number; node: string }
  rows: PeersRow[]
}

/** One contestant in one case. */
export interface PeersRow {
  case: string
  /** Which time is compared: that of the processor (one thread), or that of the clock (threads, GPUs). */
  counts: 'processor' | 'clock'
  name: string
  version: string
  setting: string
  /** A WebGPU adapter that runs on the processor: only shows that results are right. */
  software?: boolean
  date: string
  /** Load average of the machine when it began. */
  load?: number
  /** Why it did not run. */
  skipped?: string
  processorMs?: { best: number }
  clockMs?: { best: number }
}

/** A bar of a chart. */
export interface Bar {
  name: string
  setting: string
  /** Of the chart's width. */
  percent: number
  /** The bar is cut off: it would make the others too small to compare. */
  isCut: boolean
  label: string
  isOurs: boolean
}

/** The cases by name, with titles, in the order of the page. */
export const caseTitles: readonly (readonly [string, string])[] = [
  ['step', 'training step of the reference decoder'],
  ['forward', 'forward pass of the reference decoder'],
  ['linear', 'linear layer, 1,024 rows'],
  ['transposed', 'transposed product, as in gradients'],
  ['vector', 'linear layer, one row, as in decoding'],
  ['attention', 'attention'],
  ['attentionGradient', 'attention with gradients'],
]

/** @returns the machine's name in a list */
export const machineName = ({ machine, rows }: PeersFile): string =>
  `${machine.processor.replaceAll(/\((R|TM)\)/g, '')}, ${machine.cores} cores (${rows.reduce((last, { date }) => (date > last ? date : last), '')})`

/** @returns what the page says below the charts */
export function aboutMachine({ machine, rows }: PeersFile): string {
  const loads = rows.flatMap(({ load }) => (load === undefined ? [] : [load]))
  const load =
    loads.length > 0 ? `, load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)} while it ran` : ''
  return `${machine.processor}, ${machine.cores} cores, Node ${machine.node}${load}. Shorter is better.`
}

/** A bar this many times the median is cut off. */
const mostTimesMedian = 4

/** @returns the bars of a case, shortest first, apart for one thread and for several */
export function barsOf({ rows }: PeersFile, name: string): { title: string; bars: Bar[] }[] {
  const titles = { processor: 'One thread: milliseconds of processor time', clock: 'Several threads: milliseconds by the clock' }
  return (['processor', 'clock'] as const).flatMap((counts) => {
    const timed = rows
      .filter((row) => row.case === name && row.counts === counts && !row.software && !row.skipped)
      .flatMap((row) => {
        const best = (counts === 'processor' ? row.processorMs : row.clockMs)?.best
        return best === undefined ? [] : [{ row, best }]
      })
      .toSorted((a, b) => a.best - b.best)
    if (timed.length === 0) return []
    const median = timed[Math.floor((timed.length - 1) / 2)]!.best
    const widest = Math.min(timed.at(-1)!.best, mostTimesMedian * median)
    const bars = timed.map(({ row, best }) => ({
      name: `${row.name} ${row.version}`,
      setting: row.setting,
      percent: Math.min(100, (100 * best) / widest),
      isCut: best > widest,
      label: `${best < 1000 ? best.toPrecision(3) : Math.round(best).toLocaleString('en')} ms`,
      isOurs: row.name === 'casa-js',
    }))
    return [{ title: titles[counts], bars }]
  })
}
