/**
 * WGSL that reads GGUF's blocks as they lie in a file. Layouts: kernels/blocks.ts, base/src/blocks.ts.
 *
 * A row is read in units: one word of nibbles (Q4_1, Q4_K: 8 columns), or two with their word of upper bits (Q6_K: 16 columns), so that no
 * weight is read twice. A unit's columns come as vectors of four neighbours. Positions are counted in halves of a word: a row of Q6_K may
 * begin in the middle of one.
 */
import type { BlockType } from '@casa-js/base/internal'
import { multipliedBlocks } from '@casa-js/base/internal'
import { widen } from '../../engine/webgpu/halves.ts'

interface Reader {
  /** Units of a block. */
  units: number
  /** For each vector of unit k, its index in the row: columns divided by four. */
  vectors: readonly string[]
  /** Statements that return the vectors of unit k of the row that begins at half `row`. */
  unit: string
  /** Statements that return the weight of column d of that row. */
  value: string
}

/** Names of the functions of one buffer. */
interface Names {
  buffer: string
  /** Appended to their names, where a program has several. */
  suffix?: string | number
}

const q41 = ({ buffer, suffix = '' }: Names): Reader => ({
  units: 4,
  vectors: ['8u * (k / 4u) + k % 4u', '8u * (k / 4u) + k % 4u + 4u'],
  unit: `
  let at = row / 2u + 5u * (k / 4u);
  let d = halves${suffix}(${buffer}[at]);
  let word = ${buffer}[at + 1u + k % 4u];
  return array(d.x * nibbles${suffix}(word) + d.y, d.x * nibbles${suffix}(word >> 4u) + d.y);`,
  value: `
  let at = row / 2u + 5u * (column / 32u);
  let d = halves${suffix}(${buffer}[at]);
  let i = column % 32u;
  let q = (${buffer}[at + 1u + i % 16u / 4u] >> (8u * (i % 4u) + 4u * (i / 16u))) & 15u;
  return d.x * f32(q) + d.y;`,
})

const q4K = ({ buffer, suffix = '' }: Names): Reader => ({
  units: 32,
  vectors: [0, 8].map((further) => `64u * (k / 32u) + 16u * (k % 32u / 8u) + k % 8u + ${further}u`),
  unit: `
  let at = row / 2u + 36u * (k / 32u);
  let pair = k % 32u / 8u;
  let low = scaleAndMin${suffix}(at, 2u * pair);
  let high = scaleAndMin${suffix}(at, 2u * pair + 1u);
  let word = ${buffer}[at + 4u + k % 32u];
  return array(low.x * nibbles${suffix}(word) - low.y, high.x * nibbles${suffix}(word >> 4u) - high.y);`,
  value: `
  let at = row / 2u + 36u * (column / 256u);
  let group32 = column % 256u / 32u;
  let i = column % 32u;
  let q = (${buffer}[at + 4u + 8u * (group32 / 2u) + i / 4u] >> (8u * (i % 4u) + 4u * (group32 % 2u))) & 15u;
  let scale = scaleAndMin${suffix}(at, group32);
  return scale.x * f32(q) - scale.y;`,
})

/** Six bits each, of eight groups in three words. */
const scaleAndMin = ({ buffer, suffix = '' }: Names): string => `
fn scaleAndMin${suffix}(at: u32, group32: u32) -> vec2f {
  let shift = 8u * (group32 % 4u);
  let low = (${buffer}[at + 1u] >> shift) & 255u;
  let middle = (${buffer}[at + 2u] >> shift) & 255u;
  let top = (${buffer}[at + 3u] >> shift) & 255u;
  let first = vec2u(low & 63u, middle & 63u);
  let last = vec2u((top & 15u) | ((low >> 2u) & 48u), (top >> 4u) | ((middle >> 2u) & 48u));
  return halves${suffix}(${buffer}[at]) * vec2f(select(last, first, group32 < 4u));
}`

const q6K = ({ suffix = '' }: Names): Reader => ({
  units: 16,
  vectors: [0, 8, 16, 24].map((further) => `64u * (k / 16u) + 32u * (k % 16u / 8u) + k % 8u + ${further}u`),
  unit: `
  let at = row + 105u * (k / 16u);
  let side = k % 16u / 8u;
  let j = k % 8u;
  let a = wordAt${suffix}(at + 32u * side + 2u * j);
  let b = wordAt${suffix}(at + 32u * side + 2u * j + 16u);
  let upper = wordAt${suffix}(at + 64u + 16u * side + 2u * j);
  let shift = vec2u(24u, 8u) - 8u * (j / 4u);
  let scales = vec4f(
    vec2f(vec2i(vec2u(wordAt${suffix}(at + 96u + 4u * side)) << shift) >> vec2u(24u)),
    vec2f(vec2i(vec2u(wordAt${suffix}(at + 98u + 4u * side)) << shift) >> vec2u(24u)),
  ) * halves${suffix}(wordAt${suffix}(at + 103u)).y;
  return array(
    scales.x * (nibbles${suffix}(a) + upperBits${suffix}(upper) - 32.0),
    scales.y * (nibbles${suffix}(b) + upperBits${suffix}(upper >> 2u) - 32.0),
    scales.z * (nibbles${suffix}(a >> 4u) + upperBits${suffix}(upper >> 4u) - 32.0),
    scales.w * (nibbles${suffix}(b >> 4u) + upperBits${suffix}(upper >> 6u) - 32.0),
  );`,
  value: `
  let at = row + 105u * (column / 256u);
  let i = column % 256u;
  let side = i / 128u;
  let quarter = i / 32u % 4u;
  let low = byteAt${suffix}(at, 64u * side + 32u * (quarter % 2u) + i % 32u);
  let upper = byteAt${suffix}(at, 128u + 32u * side + i % 32u);
  let q = ((low >> (4u * (quarter / 2u))) & 15u) | (((upper >> (2u * quarter)) & 3u) << 4u);
  let scale = bitcast<i32>(byteAt${suffix}(at, 192u + i / 16u) << 24u) >> 24u;
  return halves${suffix}(wordAt${suffix}(at + 103u)).y * f32(scale) * (f32(q) - 32.0);`,
})

/** Words and bytes that begin anywhere, and upper bits. */
const anywhere = ({ buffer, suffix = '' }: Names): string => `
fn wordAt${suffix}(half: u32) -> u32 {
  let word = ${buffer}[half / 2u];
  if (half % 2u == 0u) { return word; }
  return (word >> 16u) | (${buffer}[half / 2u + 1u] << 16u);
}
fn byteAt${suffix}(half: u32, byte: u32) -> u32 {
  let at = half + byte / 2u;
  return (${buffer}[at / 2u] >> (16u * (at % 2u) + 8u * (byte % 2u))) & 255u;
}
fn upperBits${suffix}(word: u32) -> vec4f { return vec4f(((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(3u)) << vec4u(4u)); }`

const readers: Record<BlockType, (names: Names) => Reader> = { Q4_1: q41, Q4_K: q4K, Q6_K: q6K }

/** Halves of words in a row of D columns. */
export const halvesPerRow = (type: BlockType, inputs: number): number =>
  ((inputs / multipliedBlocks[type].values) * multipliedBlocks[type].bytes) / 2

export const unitsPerRow = (type: BlockType, inputs: number): number =>
  (inputs / multipliedBlocks[type].values) * readers[type]({ buffer: '' }).units

/** For each vector of unit k, WGSL of its index in a row of vectors of four. */
export const vectorsOfUnit = (type: BlockType): readonly string[] => readers[type]({ buffer: '' }).vectors

/** WGSL that every program needs once; `unitAt`, `valueAt` use it. */
export const widenHalf = widen.f16

/**
 * WGSL of `unitAt(row, k)`, the vectors of a unit, and `valueAt(row, column)`, one weight; `row` is the half at which the row begins.
 * The program has `widenHalf`, and the buffer is an array of u32.
 */
export function blockFunctions(type: BlockType, names: Names): string {
  const { unit, value, vectors } = readers[type](names)
  const { suffix = '' } = names
  return `
fn halves${suffix}(word: u32) -> vec2f { return vec2f(bitcast<f32>(widen(word & 0xffffu)), bitcast<f32>(widen(word >> 16u))); }
fn nibbles${suffix}(word: u32) -> vec4f { return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(15u)); }
${type === 'Q4_K' ? scaleAndMin(names) : ''}${type === 'Q6_K' ? anywhere(names) : ''}
fn unitAt${suffix}(row: u32, k: u32) -> array<vec4f, ${vectors.length}> {${unit}
}
fn valueAt${suffix}(row: u32, column: u32) -> f32 {${value}
}`
}
