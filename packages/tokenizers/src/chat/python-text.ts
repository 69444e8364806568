/** Python's formatting of values and times, as far as chat templates use it. */
import { TokenizerError } from '@casa-js/base'

/** Python's `pattern % values` for strings and numbers. */
export function formatText(pattern: string, values: readonly unknown[]): string {
  let next = 0
  const text = pattern.replace(
    /%([-0+ ]*)(\d*)(?:\.(\d+))?(.?)/gs,
    (whole, flags: string, width: string, precision: string, kind: string) => {
      if (kind === '%') return '%'
      if (next >= values.length) throw new TokenizerError(`format: too few values for ${JSON.stringify(pattern)}`)
      const written = formatValue(kind, values[next++], precision)
      if (written === undefined)
        throw new TokenizerError(`format: ${JSON.stringify(whole)} is not supported: use %s, %d, %i, %f, %x or %r`)
      const signed = flags.includes('+') && kind !== 's' && kind !== 'r' && !written.startsWith('-') ? `+${written}` : written
      const size = Math.min(Number(width), 1000)
      if (flags.includes('-')) return signed.padEnd(size)
      if (!flags.includes('0') || kind === 's' || kind === 'r') return signed.padStart(size)
      const sign = /^[-+]/.exec(signed)?.[0] ?? ''
      return sign + signed.slice(sign.length).padStart(size - sign.length, '0')
    },
  )
  if (next < values.length)
    throw new TokenizerError(`format: ${values.length} values for ${JSON.stringify(pattern)}, which takes ${next}`)
  return text
}

function formatValue(kind: string, value: unknown, precision: string | undefined): string | undefined {
  const number = Number(value)
  switch (kind) {
    case 's':
      return pythonText(value).slice(0, precision === undefined ? undefined : Number(precision))
    case 'r':
      return typeof value === 'string' ? `'${value}'` : pythonText(value)
    case 'd':
    case 'i':
      return Number.isFinite(number) ? String(Math.trunc(number)) : undefined
    case 'f':
      return Number.isFinite(number) ? number.toFixed(Math.min(Number(precision ?? 6), 100)) : undefined
    case 'x':
      return Number.isInteger(number) ? number.toString(16) : undefined
    default:
      return undefined
  }
}

function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  return value === false ? 'False' : String(value)
}

/** The directives that published templates use, for the local time. */
export function strftime(now: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const named = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en', options).format(now)
  const directives: Record<string, () => string> = {
    Y: () => String(now.getFullYear()),
    m: () => two(now.getMonth() + 1),
    d: () => two(now.getDate()),
    H: () => two(now.getHours()),
    I: () => two(now.getHours() % 12 || 12),
    M: () => two(now.getMinutes()),
    S: () => two(now.getSeconds()),
    p: () => (now.getHours() < 12 ? 'AM' : 'PM'),
    b: () => named({ month: 'short' }),
    B: () => named({ month: 'long' }),
    a: () => named({ weekday: 'short' }),
    A: () => named({ weekday: 'long' }),
    '%': () => '%',
  }
  return format.replace(/%(.)/gs, (whole, directive: string) => directives[directive]?.() ?? whole)
}
