/** Mutations of parsed JSON: for parsers of config files. */
import type { Random } from '@casa-js/core/random'

const interesting: unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  0.5,
  3,
  7,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  1e300,
  1e-300,
  '',
  ' ',
  '0',
  '1',
  'gelu',
  'silu',
  'NaN',
  'toString',
  '__proto__',
  [],
  [0],
  [null],
  [[]],
  ['a', 1],
  {},
  { type: 'mrope' },
  { rope_theta: 'x' },
  { constructor: 1 },
]

/** One random change somewhere in it. Never touches the input. */
export function mutateJson(json: unknown, random: Random): unknown {
  if (!isContainer(json) || random.chance(0.02)) return replacement(json, random)
  const keys = Object.keys(json)
  if (keys.length === 0) return replacement(json, random)
  const key = random.pick(keys)
  const value = (json as Record<string, unknown>)[key]
  if (isContainer(value) && random.chance(0.6)) return withField(json, key, mutateJson(value, random))
  return random.pick([
    () => withField(json, key, replacement(value, random)),
    () => withField(json, key, (json as Record<string, unknown>)[random.pick(keys)]),
    () => without(json, key),
    () => withField(without(json, key), random.pick([`${key}s`, key.toUpperCase(), '__proto__', 'constructor', '0']), value),
    () => withField(json, `extra_${random.integer(0, 9)}`, random.pick(interesting)),
  ])()
}

function replacement(value: unknown, random: Random): unknown {
  return random.pick([
    () => random.pick(interesting),
    () =>
      typeof value === 'number'
        ? random.pick([-value, value + 1, value - 1, value * 2, value / 2, value * 1e9])
        : random.pick(interesting),
    () => [value],
    () => ({ value }),
    () => String(value),
    () => Array(random.integer(1, 50)).fill(value),
  ])()
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function withField(json: object, key: string, value: unknown): unknown {
  if (Array.isArray(json)) return json.map((item, i) => (String(i) === key ? value : item))
  const copy = { ...json }
  // As JSON.parse does: define a field, even where assignment would set the prototype.
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
  return copy
}

function without(json: object, key: string): object {
  if (Array.isArray(json)) return json.filter((_, i) => String(i) !== key)
  return Object.fromEntries(Object.entries(json).filter(([other]) => other !== key))
}
