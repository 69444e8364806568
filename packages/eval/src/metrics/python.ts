/**
 * Python's text rules, which the reference metrics rely on: its white space, its floats, strings as code points.
 */

/** str.isspace, but for lone separators that no text holds: unlike JavaScript's, it has U+001C..1F and U+0085, not U+FEFF. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const EDGES = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, 'g')
const RUNS = new RegExp(`[${SPACE}]+`)

/** str.strip() */
export function strip(text: string): string {
  return text.replace(EDGES, '')
}

/** str.split() */
export function splitWords(text: string): string[] {
  return strip(text)
    .split(RUNS)
    .filter((word) => word !== '')
}

/** The number of code points, as Python's len(str) counts them. */
export function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** The text without full stops at its end, as Python's text.rstrip('.') gives it. */
export function stripTrailingDots(text: string): string {
  return text.replace(/\.+$/, '')
}

const FLOAT = /^[+-]?(?:inf(?:inity)?|nan|(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?)$/i

/** float(text): digits of any script, "_" between digits, inf and nan; no "0x", no "1,000". undefined where Python raises. */
export function parseFloatAsPython(text: string): number | undefined {
  const ascii = strip(text).replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0)!)))
  if (!FLOAT.test(ascii)) return undefined
  const plain = ascii.replaceAll('_', '').toLowerCase()
  if (plain.includes('nan')) return NaN
  if (plain.includes('inf')) return plain.startsWith('-') ? -Infinity : Infinity
  return Number(plain)
}

/** Unicode lists the decimal digits of every script in a row from zero, so a run of them counts in tens. */
function digitValue(point: number): number {
  let start = point
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--
  return (point - start) % 10
}
