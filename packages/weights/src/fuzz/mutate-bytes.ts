/** Mutations of files: of arbitrary bytes, and of safetensors headers in particular. */
import type { Random } from '@casa-js/core/random'

/** One random change. Never touches the input. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  return random.chance(0.5) ? mutateHeader(bytes, random) : mutateAnywhere(bytes, random)
}

const interestingBytes = [0, 1, 0x20, 0x22, 0x2c, 0x5b, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xff]

/** One random change of any bytes. Never touches the input. */
export function mutateAnywhere(bytes: Uint8Array, random: Random): Uint8Array {
  // Half of the changes hit the first bytes, where the structure is.
  const reach = random.chance(0.5) ? Math.min(bytes.length, 400) : bytes.length
  const at = random.integer(0, Math.max(0, reach - 1))
  const length = random.integer(1, random.pick([1, 8, 64, 1000]))
  const slice = bytes.subarray(at, at + length)
  return random.pick([
    () => replaced(bytes, at, 1, [(bytes[at] ?? 0) ^ (1 << random.integer(0, 7))]),
    () => replaced(bytes, at, 1, [random.pick(interestingBytes)]),
    () =>
      replaced(
        bytes,
        at,
        0,
        Array.from({ length }, () => random.integer(0, 255)),
      ),
    () => replaced(bytes, at, length, []),
    () => replaced(bytes, at, 0, slice),
    () => replaced(bytes, random.integer(0, bytes.length), 0, slice),
    () => bytes.slice(0, at),
    () => replaced(bytes, bytes.length, 0, new Uint8Array(length)),
    () => replaced(bytes, at, length, new Uint8Array(length).fill(random.pick(interestingBytes))),
  ])()
}

const interestingNumbers =
  '0 1 -1 -0 2147483648 4294967296 9007199254740991 9007199254740992 1e9 1.5 18446744073709551615 1e400 null [] ""'.split(' ')

const words = [
  ...'"F32" "BF16" "I64" "F4" "X" "dtype" "shape" "data_offsets" "__metadata__" "__proto__" {} [ ] { } , : " \\ /**/ true'.split(
    ' ',
  ),
  ...['\\ud800', '\ufeff', '\0', ' ', '\n'],
]

/** Changes the header's text and usually adjusts the length before it, so that it is still read as a header. */
function mutateHeader(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length < 8) return mutateAnywhere(bytes, random)
  const claimed = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const end = Math.min(bytes.length, 8 + claimed)
  const text = new TextDecoder().decode(bytes.subarray(8, end))
  const header = new TextEncoder().encode(mutateText(text, random))
  const file = new Uint8Array(8 + header.length + bytes.length - end)
  const length = random.chance(0.8)
    ? BigInt(header.length)
    : random.pick([0n, 1n, BigInt(claimed), 99_999_999n, 1n << 32n, (1n << 53n) + 1n, (1n << 64n) - 1n])
  new DataView(file.buffer).setBigUint64(0, length, true)
  file.set(header, 8)
  file.set(bytes.subarray(end), 8 + header.length)
  return file
}

function mutateText(text: string, random: Random): string {
  const at = random.integer(0, text.length)
  const from = random.integer(0, text.length)
  const part = text.slice(from, from + random.integer(1, 120))
  return random.pick([
    () => replaceOne(text, /-?\d+/g, random, random.pick(interestingNumbers)),
    () => replaceOne(text, /-?\d+/g, random, String(random.integer(0, 4096))),
    () => replaceOne(text, /"[^"]*"/g, random, random.pick(words)),
    () => replaceOne(text, /[[\]{},:]/g, random, random.pick(words)),
    () => text.slice(0, at) + random.pick(words) + text.slice(at),
    () => text.slice(0, at) + part + text.slice(at),
    () => text.slice(0, from) + text.slice(from + part.length),
    () =>
      replaceOne(
        text,
        /\[[^\]]*\]/g,
        random,
        random.pick([
          '[]',
          '[0]',
          '[0,0]',
          `[${Array(70).fill(1)}]`,
          '[4294967296,4294967296]',
          '['.repeat(random.integer(1, 5000)),
        ]),
      ),
    () => replaceOne(text, /\{[^{}]*\}/g, random, '{'.repeat(random.integer(1, 3000))),
    () => text + ' '.repeat(random.integer(1, 100)),
    () => moveTensor(text, random),
  ])()
}

/** A tensor of the same length somewhere else: a hole, an overlap, or past the end. */
function moveTensor(text: string, random: Random): string {
  const matches = [...text.matchAll(/"data_offsets":\[(\d+),(\d+)\]/g)]
  if (matches.length === 0) return text
  const match = random.pick(matches)
  const by = random.pick([-4, 1, 4, 64, 4096, 2 ** 40])
  const moved = `"data_offsets":[${Number(match[1]) + by},${Number(match[2]) + by}]`
  return text.slice(0, match.index) + moved + text.slice(match.index + match[0].length)
}

/** One random match of the pattern becomes `replacement`. */
function replaceOne(text: string, pattern: RegExp, random: Random, replacement: string): string {
  const matches = [...text.matchAll(pattern)]
  if (matches.length === 0) return text
  const match = random.pick(matches)
  return text.slice(0, match.index) + replacement + text.slice(match.index + match[0].length)
}

/** `length` bytes at `at` become `by`. */
export function replaced(bytes: Uint8Array, at: number, length: number, by: ArrayLike<number>): Uint8Array {
  const tail = bytes.subarray(Math.min(bytes.length, at + length))
  const result = new Uint8Array(at + by.length + tail.length)
  result.set(bytes.subarray(0, at))
  result.set(by, at)
  result.set(tail, at + by.length)
  return result
}
