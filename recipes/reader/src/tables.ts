/**
 * Tables of countries (package country-json) for small bar charts. Held-out charts show countries that no training chart shows.
 */
import type { Table } from '@casa-js/data'
import { packageText } from './packages.ts'
import { belongsTo, type Split } from './split.ts'

interface Source {
  file: string
  field: string
  title: string
  least: number
  write(value: number): string
}

const whole = (value: number) => String(Math.round(value))
const tenths = (value: number) => value.toFixed(1)
const sources: Source[] = [
  { file: 'life-expectancy', field: 'expectancy', title: 'Life expectancy', least: 1, write: whole },
  { file: 'avg-male-height', field: 'height', title: 'Average height', least: 1, write: whole },
  { file: 'population', field: 'population', title: 'Population', least: 1e6, write: (value) => `${whole(value / 1e6)}M` },
  { file: 'population-density', field: 'density', title: 'People per km', least: 1, write: whole },
  { file: 'yearly-average-temperature', field: 'temperature', title: 'Temperature', least: 1, write: tenths },
  { file: 'surface-area', field: 'area', title: 'Area', least: 1e4, write: (value) => `${whole(value / 1e3)}k` },
]

export function loadTables(split: Split): Table[] {
  const ours = belongsTo(split)
  return sources.map(({ file, field, title, least, write }) => {
    const rows = JSON.parse(packageText('country-json', `src/country-by-${file}.json`)) as Record<string, unknown>[]
    const usable = rows.flatMap(({ country, [field]: raw }) => {
      const value = Number(raw ?? NaN)
      const label = String(country)
      return /^[A-Za-z]{3,11}$/.test(label) && value >= least && ours(label) ? [{ label, value }] : []
    })
    return { title, rows: usable, write }
  })
}
