import { expect, test } from 'vitest'
import { lineChart, shortNumber, smoothed } from './line-chart.ts'

const ticksOf = (svg: string): string[] =>
  [...svg.matchAll(/text-anchor="end">([^<]*)<\/text>/g)].map((match) => match[1]!).slice(0, -1)

test('a constant is drawn on an axis that starts at zero and shows its value', () => {
  const points = [0, 1, 2].map((x) => ({ x, y: 1e-4 }))
  const svg = lineChart({
    title: 'Learning rate',
    xLabel: 'step',
    series: [{ name: 'rate', points }],
    format: (y) => y.toExponential(0),
  })
  expect(ticksOf(svg)).toEqual(['0e+0', '5e-5', '1e-4'])
  const zeros = lineChart({ title: 'Zero', xLabel: 'x', series: [{ name: 'zero', points: [{ x: 0, y: 0 }] }] })
  expect(ticksOf(zeros)).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1'])
})

test('names are escaped, points that cannot be drawn are left out, nothing gives nothing', () => {
  const svg = lineChart({
    title: '<b>',
    xLabel: '"x"',
    log: true,
    xLog: true,
    series: [
      { name: 'a<', points: [0, 1, 10, 100].map((x) => ({ x, y: x })), dots: true },
      { name: 'b', points: [{ x: 1, y: 1, low: 0.5, high: 2, label: 'here' }], scattered: true },
    ],
  })
  expect(svg).toContain('aria-label="&#60;b&#62;"')
  expect(svg).not.toMatch(/<b>|a<<|NaN|Infinity/)
  expect(svg.match(/<circle/g)).toHaveLength(4)
  expect(svg).toContain('<title>here</title>')
  expect(lineChart({ title: 't', xLabel: 'x', log: true, series: [{ name: 'a', points: [{ x: 1, y: -1 }] }] })).toBe('')
})

test('a legend of many names takes rows, each within the chart', () => {
  const series = Array.from({ length: 9 }, (_, i) => ({
    name: `a rather long name ${i}`,
    points: [
      { x: 0, y: i },
      { x: 1, y: i },
    ],
  }))
  const svg = lineChart({ title: 't', xLabel: 'x', series })
  const height = Number(/viewBox="0 0 560 (\d+)"/.exec(svg)![1])
  expect(height).toBeGreaterThan(260)
  const names = [...svg.matchAll(/x="([\d.]+)" y="([\d.]+)">(a rather long name \d)/g)]
  expect(names).toHaveLength(9)
  for (const [, left, , name] of names) expect(Number(left) + 6 * name!.length).toBeLessThan(560)
  const lowest = Math.max(...names.map(([, , y]) => Number(y)))
  const highestLine = Math.min(...[...svg.matchAll(/class="grid" x1="56" x2="548" y1="([\d.]+)"/g)].map(([, y]) => Number(y)))
  expect(highestLine).toBeGreaterThanOrEqual(lowest)
})

test('a long series is thinned to what a screen can show', () => {
  const points = Array.from({ length: 5000 }, (_, x) => ({ x, y: x }))
  const svg = lineChart({ title: 't', xLabel: 'x', series: [{ name: 'a', points }] })
  expect(svg.match(/L\d/g)!.length).toBeLessThan(1000)
})

test('smoothing keeps a constant and follows the mean', () => {
  expect(smoothed(Array.from({ length: 500 }, (_, x) => ({ x, y: 3 }))).every(({ y }) => Math.abs(y - 3) < 1e-12)).toBe(true)
  const zigzag = smoothed(Array.from({ length: 5000 }, (_, x) => ({ x, y: x % 2 })))
  expect(zigzag.at(-1)!.y).toBeCloseTo(0.5, 1)
})

test('numbers are short', () => {
  expect([0, 0.25, 1234, 12345, 1.5e6, 2e9, 3.25e12].map(shortNumber)).toEqual([
    '0',
    '0.25',
    '1230',
    '12.3k',
    '1.5M',
    '2e9',
    '3.3e12',
  ])
})
