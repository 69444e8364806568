/** A logged value as documents write it: a list as [1, 2]; fractions to six digits, as float32 has. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)))
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${Array.from(value as Iterable<unknown>, shown).join(', ')}]`
  return String(value)
}
