/**
 * Rows that are rotated or copied to where they belong: queries to their value, keys and value vectors into the cache. One dispatch for up
 * to three of them. The rows of the cache, and those of the table of angles, follow from how far tracks have moved; tokens have consecutive
 * ones.
 */
import { defineProgram, variants, type Program } from '../../engine/webgpu/program.ts'
import { tableRows } from './tables.ts'

export const placeLanes = 64

/** half: pairs (i, i + E/2); interleaved: pairs (2i, 2i + 1). */
export type Placing = 'copy' | 'half' | 'interleaved'

const numbers = ['units', 'groups', 'vectors', 'table', 'position', 'turn', 'offset', 'move', 'row'] as const

type Uniform = `${(typeof numbers)[number]}${0 | 1 | 2}`
export type PlaceProgram = Program<string, Uniform>

/** How the uniforms of a job are named, without its number. */
export interface PlaceUniforms extends Record<(typeof numbers)[number], number> {
  /** Invocations with something to do, and their workgroups. */
  units: number
  groups: number
  /** Vectors of half a head (half), of a head (interleaved). */
  vectors: number
  /** Where its table of angles begins, in vectors. */
  table: number
  /** The first token's row of the table is the position at the first trace plus word `turn` of the step, of so many rows as a table has. */
  position: number
  turn: number
  /** The target's first row is `offset` plus word `move` of the step, of `row` vectors. */
  offset: number
  move: number
  row: number
}

const bodyOf = (kind: Placing, j: number): string => {
  const base = `let base = (u.offset${j} + step[u.move${j}]) * u.row${j};`
  const unitsPerToken = kind === 'half' ? `(u.row${j} / 2u)` : `u.row${j}`
  const turn = `(u.position${j} + step[u.turn${j}] + i / ${unitsPerToken}) % ${tableRows}u`
  if (kind === 'copy') return `${base} to${j}[base + i] = from${j}[i];`
  if (kind === 'half') {
    return `${base}
    let pair = i % u.vectors${j};
    let angles = u.table${j} + ${turn} * 2u * u.vectors${j} + pair;
    let c = tables[angles];
    let s = tables[angles + u.vectors${j}];
    let at = i / u.vectors${j} * 2u * u.vectors${j} + pair;
    let a = from${j}[at];
    let b = from${j}[at + u.vectors${j}];
    to${j}[base + at] = a * c - b * s;
    to${j}[base + at + u.vectors${j}] = b * c + a * s;`
  }
  // A head of V vectors has V / 2 vectors of angles: two pairs of a vector use one half of one of them.
  return `${base}
    let angles = u.table${j} + ${turn} * u.vectors${j} + i % u.vectors${j} / 2u;
    let c4 = tables[angles];
    let s4 = tables[angles + u.vectors${j} / 2u];
    let odd = i % u.vectors${j} % 2u == 1u;
    let c = select(c4.xy, c4.zw, odd);
    let s = select(s4.xy, s4.zw, odd);
    let v = from${j}[i];
    to${j}[base + i] = vec4f(v.x * c.x - v.y * s.x, v.y * c.x + v.x * s.x, v.z * c.y - v.w * s.y, v.w * c.y + v.z * s.y);`
}

export const placeProgram = variants((kinds: string): PlaceProgram => {
  const jobs = kinds.split(' ') as Placing[]
  const rotates = jobs.some((kind) => kind !== 'copy')
  return defineProgram({
    name: `planned place: ${kinds}`,
    inputs: {
      step: 'u32' as const,
      tables: rotates && ('vec4<f32>' as const),
      ...Object.fromEntries(jobs.map((_, j) => [`from${j}`, 'vec4<f32>' as const])),
    },
    outputs: Object.fromEntries(jobs.map((_, j) => [`to${j}`, 'vec4<f32>' as const])),
    uniforms: Object.fromEntries(
      jobs.flatMap((_, j) => numbers.map((name) => [`${name}${j}` as Uniform, 'u32' as const])),
    ) as Record<Uniform, 'u32'>,
    lanes: placeLanes,
    body: `
  var first = group;
  ${jobs
    .map(
      (kind, j) => `if (first < u.groups${j}) {
    let i = first * ${placeLanes}u + lane;
    if (i >= u.units${j}) { return; }
    ${bodyOf(kind, j)}
    return;
  }
  first -= u.groups${j};`,
    )
    .join('\n  ')}`,
  })
})
