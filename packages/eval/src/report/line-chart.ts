/**
 * Line charts as SVG text. Colours come from the page's CSS: series i has the class "series-i" (report/style.ts has them).
 */
import { escapeHtml } from './escape.ts'
import { chartFileStyle } from './style.ts'

export interface ChartPoint {
  x: number
  y: number
  /** Ends of the error bar, e.g. of a 95 % interval. */
  low?: number
  high?: number
  /** Shown when the pointer rests on the point. */
  label?: string
}

export interface Series {
  name: string
  points: ChartPoint[]
  /** Drawn thin and pale, without a legend: the raw values under a smoothed line. */
  faint?: boolean
  /** Index of the colour; default by order. */
  colour?: number
  /** Mark every point. */
  dots?: boolean
  /** Points without a line between them. */
  scattered?: boolean
}

export interface ChartOptions {
  title: string
  xLabel: string
  series: Series[]
  /** Fixed ends of the y axis; otherwise the data's. */
  yRange?: [number, number]
  /** Logarithmic y axis: points at 0 or below are left out. */
  log?: boolean
  /** Logarithmic x axis: points at 0 or below are left out. */
  xLog?: boolean
  /** How values of y are written on the axis. */
  format?: (y: number) => string
}

const WIDTH = 560
const HEIGHT = 260
const LEFT = 56
const RIGHT = 12
const TOP = 34
const BOTTOM = 38
const LEGEND_ROW = 16

/** More points than this are averaged in columns: more than a screen can show. */
const COLUMNS = 1000

/**
 * One chart, 560 x 260 units, with axes and a legend where there are several series; taller where the legend takes several rows.
 * @returns an `<svg>` element, or '' when no series has a point that can be drawn.
 */
export function lineChart({
  title,
  xLabel,
  series,
  yRange,
  log = false,
  xLog = false,
  format = shortNumber,
}: ChartOptions): string {
  const drawable = ({ x, y }: ChartPoint): boolean =>
    Number.isFinite(x) && Number.isFinite(y) && (!log || y > 0) && (!xLog || x > 0)
  const drawn = series
    .map((one) => ({ ...one, points: thin(one.points.filter(drawable)) }))
    .filter(({ points }) => points.length > 0)
  if (drawn.length === 0) return ''
  const { entries, rows } = legend(drawn)
  const top = TOP + (rows - 1) * LEGEND_ROW
  const height = HEIGHT + (rows - 1) * LEGEND_ROW
  const points = drawn.flatMap((one) => one.points)
  const px = createScale(
    axisRange(
      points.map(({ x }) => x),
      xLog,
      !xLog,
    ),
    xLog,
    [LEFT, WIDTH - RIGHT],
  )
  const ys = points.flatMap(({ y, low = y, high = y }) => [y, low, high]).filter((y) => !log || y > 0)
  const py = createScale(yRange ?? axisRange(ys, log, false), log, [height - BOTTOM, top])

  const grid = py.ticks.map(
    (y) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py.at(y)}" y2="${py.at(y)}"/><text class="tick" x="${LEFT - 6}" y="${Number(py.at(y)) + 4}" text-anchor="end">${format(y)}</text>`,
  )
  const bottom = px.ticks.map(
    (x) => `<text class="tick" x="${px.at(x)}" y="${height - BOTTOM + 16}" text-anchor="middle">${shortNumber(x)}</text>`,
  )
  const lines = drawn.map(({ name, points, faint, dots, scattered, colour }, i) => {
    const path = points.map(({ x, y }, n) => `${n === 0 ? 'M' : 'L'}${px.at(x)} ${py.at(y)}`).join('')
    const marked = dots || scattered || points.length === 1 ? points : []
    const marks = marked.map(({ x, y, low, high, label }) => {
      const bar =
        low === undefined || high === undefined
          ? ''
          : `<path d="M${px.at(x)} ${py.at(
              log
                ? Math.max(
                    low,
                    ys.reduce((least, each) => Math.min(least, each)),
                  )
                : low,
            )}V${py.at(high)}"/>`
      const words = label ?? `${name}, ${shortNumber(x)}: ${format(y)}`
      return `${bar}<circle cx="${px.at(x)}" cy="${py.at(y)}" r="3"><title>${escapeHtml(words)}</title></circle>`
    })
    const line = scattered ? '' : `<path d="${path}"/>`
    return `<g class="series-${(colour ?? i) % 8}${faint ? ' faint' : ''}">${line}${marks.join('')}</g>`
  })
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}"><text class="title" x="${LEFT}" y="14">${escapeHtml(title)}</text>${entries}${grid.join('')}${bottom.join('')}<text class="tick" x="${WIDTH - RIGHT}" y="${height - 6}" text-anchor="end">${escapeHtml(xLabel)}</text>${lines.join('')}</svg>`
}

/** The same chart as an SVG file of its own, with colours for light and dark pages; '' when nothing can be drawn. */
export function chartFile(options: ChartOptions): string {
  const chart = lineChart(options)
  return (
    chart
      .replace(/<svg (?=viewBox="0 0 (\d+) (\d+)")/, '<svg xmlns="http://www.w3.org/2000/svg" width="$1" height="$2" ')
      .replace('>', `><style>${chartFileStyle}</style>`) + (chart && '\n')
  )
}

/** Exponential moving average without the bias of its start, over a fiftieth of the points, at most 100. */
export function smoothed(points: readonly ChartPoint[]): ChartPoint[] {
  const decay = 1 - 1 / Math.min(100, Math.max(1, points.length / 50))
  let sum = 0
  let weight = 0
  return points.map(({ x, y }) => {
    sum = decay * sum + (1 - decay) * y
    weight = decay * weight + (1 - decay)
    return { x, y: sum / weight }
  })
}

/** A number in few characters: "0.25", "12.3k", "1.5M", "2e9". */
export function shortNumber(x: number): string {
  const size = Math.abs(x)
  if (size >= 1e9) return x.toExponential(1).replace('.0e', 'e').replace('e+', 'e')
  if (size >= 1e6) return `${+(x / 1e6).toFixed(1)}M`
  return size >= 10000 ? `${+(x / 1000).toFixed(1)}k` : `${+x.toPrecision(3)}`
}

/** Names of the series beside their colours, in as many rows as they need. */
function legend(drawn: readonly Series[]): { entries: string; rows: number } {
  if (drawn.filter((one) => !one.faint).length < 2) return { entries: '', rows: 1 }
  let left = LEFT
  let row = 0
  const entries = drawn.map(({ name, faint, colour }, i) => {
    if (faint) return ''
    const width = 30 + name.length * 6.5
    if (left > LEFT && left + width > WIDTH) {
      left = LEFT
      row++
    }
    const y = TOP + row * LEGEND_ROW
    const entry = `<g class="series-${(colour ?? i) % 8}"><path d="M${left} ${y - 8}h14"/></g><text class="tick" x="${left + 18}" y="${y - 4}">${escapeHtml(name)}</text>`
    left += width
    return entry
  })
  return { entries: entries.join(''), rows: row + 1 }
}

interface Scale {
  /** Position of a value, in units of the view box. */
  at(value: number): string
  ticks: number[]
}

function createScale([from, to]: [number, number], log: boolean, [start, end]: [number, number]): Scale {
  const scale = log ? Math.log : (value: number) => value
  return {
    at: (value) => (start + ((scale(value) - scale(from)) / (scale(to) - scale(from))) * (end - start)).toFixed(1),
    ticks: log ? logTicks(from, to) : linearTicks(from, to),
  }
}

/** Ends of an axis. For a constant the axis includes zero. */
function axisRange(values: number[], log: boolean, fromZero: boolean): [number, number] {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [fromZero ? 0 : Infinity, -Infinity],
  )
  if (log) return [low!, Math.max(high!, low! * 1.01)]
  if (low! < high!) return [low!, high!]
  return low! > 0 ? [0, low! * 1.2] : low! < 0 ? [low! * 1.2, 0] : [0, 1]
}

/** Four to eight round numbers between two values. */
function linearTicks(low: number, high: number): number[] {
  const raw = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw)!
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step)
}

/** Powers of ten, with 2 and 5 times them where there is room. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high) - Math.log10(low)
  const all: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of decades > 3 ? [1] : [1, 2, 5]) all.push(factor * 10 ** power)
  }
  const inside = all.filter((value) => value >= low && value <= high)
  return inside.length >= 3 ? inside : linearTicks(low, high)
}

function thin(points: ChartPoint[]): ChartPoint[] {
  if (points.length <= COLUMNS) return points
  const size = Math.ceil(points.length / COLUMNS)
  const mean = (of: number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size)
    return { x: mean(part.map(({ x }) => x)), y: mean(part.map(({ y }) => y)) }
  })
}
