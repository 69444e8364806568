/** Line charts as SVG text. Colours come from the page's CSS: series i has the class "series-i". */

export interface Series {
  name: string
  points: { x: number; y: number }[]
  /** Drawn thin and pale, without a legend: the raw values under a smoothed line. */
  faint?: boolean
  /** Which colour; by order if not given. */
  colour?: number
  /** Mark every point. */
  dots?: boolean
}

export interface ChartOptions {
  title: string
  xLabel: string
  series: Series[]
  /** Fixed ends of the y axis; otherwise the data's. */
  yRange?: [number, number]
  /** Logarithmic y axis. */
  log?: boolean
  format?: (y: number) => string
}

const WIDTH = 560
const HEIGHT = 260
const LEFT = 56
const RIGHT = 12
const TOP = 34
const BOTTOM = 38

/** More points than this are averaged in columns: more than a screen can show. */
const COLUMNS = 1000

export function lineChart({ title, xLabel, series, yRange, log = false, format = short }: ChartOptions): string {
  const drawn = series
    .map((one) => ({ ...one, points: thin(one.points.filter(({ y }) => Number.isFinite(y) && (!log || y > 0))) }))
    .filter(({ points }) => points.length > 0)
  if (drawn.length === 0) return ''
  const xs = drawn.flatMap(({ points }) => points.map(({ x }) => x))
  const ys = drawn.flatMap(({ points }) => points.map(({ y }) => y))
  const [x0, x1] = widened(0, Math.max(...xs))
  const [y0, y1] =
    yRange ??
    (log ? [Math.min(...ys), Math.max(Math.max(...ys), Math.min(...ys) * 1.01)] : widened(Math.min(...ys), Math.max(...ys)))
  const scale = log ? Math.log : (y: number) => y
  const px = (x: number) => LEFT + ((x - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT)
  const py = (y: number) => HEIGHT - BOTTOM - ((scale(y) - scale(y0)) / (scale(y1) - scale(y0))) * (HEIGHT - TOP - BOTTOM)

  const grid = (log ? logTicks(y0, y1) : ticks(y0, y1)).map(
    (y) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y).toFixed(1)}" y2="${py(y).toFixed(1)}"/><text class="tick" x="${LEFT - 6}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end">${format(y)}</text>`,
  )
  const bottom = ticks(x0, x1).map(
    (x) => `<text class="tick" x="${px(x).toFixed(1)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${short(x)}</text>`,
  )
  const lines = drawn.map(({ name, points, faint, dots, colour }, i) => {
    const path = points.map(({ x, y }, n) => `${n === 0 ? 'M' : 'L'}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('')
    const marks =
      dots || points.length === 1
        ? points.map(
            ({ x, y }) =>
              `<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3"><title>${escapeHtml(name)}, ${short(x)}: ${format(y)}</title></circle>`,
          )
        : []
    return `<g class="series-${(colour ?? i) % 8}${faint ? ' faint' : ''}"><path d="${path}"/>${marks.join('')}</g>`
  })
  let at = LEFT
  const legend = drawn.map(({ name, faint, colour }, i) => {
    if (faint || drawn.filter((one) => !one.faint).length < 2) return ''
    const entry = `<g class="series-${(colour ?? i) % 8}"><path d="M${at} ${TOP - 8}h14"/></g><text class="tick" x="${at + 18}" y="${TOP - 4}">${escapeHtml(name)}</text>`
    at += 30 + name.length * 6.5
    return entry
  })
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}"><text class="title" x="${LEFT}" y="14">${escapeHtml(title)}</text>${legend.join('')}${grid.join('')}${bottom.join('')}<text class="tick" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">${escapeHtml(xLabel)}</text>${lines.join('')}</svg>`
}

/** Exponential moving average without the bias of its start, over a fiftieth of the points, at most 100. */
export function smoothed(points: { x: number; y: number }[]): { x: number; y: number }[] {
  const decay = 1 - 1 / Math.min(100, Math.max(1, points.length / 50))
  let sum = 0
  let weight = 0
  return points.map(({ x, y }) => {
    sum = decay * sum + (1 - decay) * y
    weight = decay * weight + (1 - decay)
    return { x, y: sum / weight }
  })
}

function thin(points: { x: number; y: number }[]): { x: number; y: number }[] {
  if (points.length <= COLUMNS) return points
  const size = Math.ceil(points.length / COLUMNS)
  const mean = (of: number[]) => of.reduce((sum, value) => sum + value, 0) / of.length
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size)
    return { x: mean(part.map(({ x }) => x)), y: mean(part.map(({ y }) => y)) }
  })
}

const widened = (low: number, high: number): [number, number] => (low === high ? [low - 0.5, high + 0.5] : [low, high])

/** Four to eight round numbers between two values. */
function ticks(low: number, high: number): number[] {
  const raw = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw)!
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step)
}

function logTicks(low: number, high: number): number[] {
  const all: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of [1, 2, 5]) all.push(factor * 10 ** power)
  }
  const inside = all.filter((y) => y >= low && y <= high)
  return inside.length >= 3 ? inside : ticks(low, high)
}

const short = (x: number) => (Math.abs(x) >= 10000 ? `${+(x / 1000).toFixed(1)}k` : `${+x.toPrecision(3)}`)

export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
