import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../engine/init.ts'
import { dispose, scope } from '../../engine/scope.ts'
import { describeOp, type OpCase } from '../../testing/op-suite.ts'
import { randomTensor, randomValues } from '../../testing/random.ts'
import { tensor } from '../create/index.ts'
import { golden } from './fixtures/frequencies.ts'
import { inverseFrequencies, rope, ropeTable } from './index.ts'

const layouts = ['half', 'interleaved'] as const
const shapes: [name: string, shape: [T: number, H: number, E: number]][] = [
  ['one token', [1, 1, 8]],
  ['no tokens', [0, 2, 8]],
  ['one pair', [3, 2, 2]],
  ['odd number of pairs', [4, 3, 10]],
  ['head size 80', [5, 2, 80]],
  ['past one block', [70, 3, 16]],
]

await describeOp(
  'rope',
  shapes.flatMap(([name, [T, H, E]]) =>
    layouts.map((layout): OpCase => ({
      name: `${name}, ${layout}`,
      inputs: { x: randomTensor([T, H, E], 1) },
      run: ({ x }) => {
        const table = ropeTable(
          Int32Array.from({ length: T }, (_, t) => 3 * t),
          { headSize: E, theta: 100 },
        )
        const y = rope(x!, table, { layout })
        dispose(table.cos, table.sin)
        return y
      },
    })),
  ),
)

/** Rotated heads of one token at a position, read back. */
async function turned(values: Float32Array, position: number, layout: 'half' | 'interleaved'): Promise<Float32Array> {
  const out = scope(() => {
    const table = ropeTable(Int32Array.of(position), { headSize: values.length, theta: 10_000 })
    return rope(tensor(values, [1, 1, values.length]), table, { layout })
  })
  const data = (await out.data()) as Float32Array
  out.dispose()
  return data
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

describe('rope', () => {
  beforeAll(() => init({ device: 'cpu' }))
  const given = fc.tuple(fc.integer(), fc.nat(2000), fc.nat(2000), fc.nat(500), fc.constantFrom(...layouts))

  it('preserves lengths, and scores depend only on the distance between positions', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([seed, a, b, shift, layout]) => {
        const [q, k] = [randomValues(16, seed), randomValues(16, seed + 1)]
        const at = (values: Float32Array, position: number) => turned(values, position, layout)
        const [qa, kb] = [await at(q, a), await at(k, b)]
        expect(dot(qa, qa)).toBeCloseTo(dot(q, q), 3)
        expect(dot(await at(q, a + shift), await at(k, b + shift))).toBeCloseTo(dot(qa, kb), 2)
      }),
      { numRuns: 50 },
    )
  })

  it('does not rotate position 0, and rotates pair 0 of position 1 by one radian', async () => {
    expect(await turned(Float32Array.of(1, 2, 3, 4), 0, 'half')).toEqual(Float32Array.of(1, 2, 3, 4))
    const [first, , third] = await turned(Float32Array.of(1, 0, 0, 0), 1, 'half')
    expect([first, third].map((value) => value!.toFixed(6))).toEqual([Math.cos(1).toFixed(6), Math.sin(1).toFixed(6)])
    const [even, odd] = await turned(Float32Array.of(1, 0, 0, 0), 1, 'interleaved')
    expect([even, odd].map((value) => value!.toFixed(6))).toEqual([Math.cos(1).toFixed(6), Math.sin(1).toFixed(6)])
  })
})

describe('ropeTable', () => {
  beforeAll(() => init({ device: 'cpu' }))
  const angles = async (...args: Parameters<typeof ropeTable>) => {
    const { cos, sin } = ropeTable(...args)
    const [c, s] = [await cos.data(), await sin.data()]
    dispose(cos, sin)
    return Array.from(c, (value, i) => Math.atan2(s[i]!, value))
  }
  const rows = [Int32Array.of(1), Int32Array.of(2), Int32Array.of(3)]
  const close = (found: number[], expected: number[]) => found.forEach((angle, i) => expect(angle).toBeCloseTo(expected[i]!, 5))

  it("has PyTorch's frequencies: scalar ones exactly, those of its vectorised power within two units in the last place", async () => {
    for (const { theta, headSize, single, vector, cosines } of golden.cases) {
      const found = inverseFrequencies(headSize, theta)
      const bits = new Int32Array(found.buffer)
      expect([...bits]).toEqual(single)
      vector.forEach((wanted, i) => expect(Math.abs(wanted - bits[i]!), `pair ${i} of theta ${theta}`).toBeLessThanOrEqual(2))
      const { cos, sin } = ropeTable(Int32Array.of(100_000), { headSize, theta })
      const atFarPosition = (await cos.data()) as Float32Array
      cosines.forEach((wanted, i) =>
        expect(Math.abs(atFarPosition[i]! - wanted), `pair ${i} of theta ${theta}`).toBeLessThan(1.1e-4),
      )
      dispose(cos, sin)
    }
  })
  it('uses given frequencies unchanged, and multiplies cos and sin by the magnitude', async () => {
    const frequencies = Float32Array.of(0.5, 0.25)
    close(await angles(rows[1]!, { headSize: 4, frequencies }), [1, 0.5])
    const { cos, sin } = ropeTable(rows[1]!, { headSize: 4, frequencies, magnitude: 2 })
    close(
      [...(await cos.data()), ...(await sin.data())],
      [2 * Math.cos(1), 2 * Math.cos(0.5), 2 * Math.sin(1), 2 * Math.sin(0.5)],
    )
    dispose(cos, sin)
    expect(() => ropeTable(rows[1]!, { headSize: 8, frequencies })).toThrow('2 frequencies for 4 pairs')
    expect(() => ropeTable(rows[1]!, { headSize: 8 })).toThrow('expected theta or frequencies')
  })
  it('gives each section its own position row over one spectrum (M-RoPE)', async () => {
    const spectrum = [0, 1, 2, 3].map((i) => 16 ** (-i / 4))
    close(await angles(rows, { headSize: 8, theta: 16, sections: [1, 2, 1] }), [
      1,
      2 * spectrum[1]!,
      2 * spectrum[2]!,
      3 * spectrum[3]!,
    ])
  })
  it('takes one row for all sections', async () => {
    const options = { headSize: 8, theta: 16 }
    expect(await angles(rows[1]!, { ...options, sections: [2, 1, 1] })).toEqual(await angles(rows[1]!, options))
  })
  it('restarts the spectrum in each section if asked (2-D rotary)', async () => {
    close(await angles([rows[0]!, rows[2]!], { headSize: 8, theta: 16, sections: [2, 2], restart: true }), [1, 1 / 4, 3, 3 / 4])
  })
  it('refuses sections that do not make half a head, odd heads, and rows that do not match', () => {
    expect(() => ropeTable(rows, { headSize: 8, theta: 16, sections: [1, 1, 1] })).toThrow('must add up to half the head size, 4')
    expect(() => ropeTable(rows[0]!, { headSize: 7, theta: 16 })).toThrow('headSize must be even')
    expect(() => ropeTable(rows, { headSize: 8, theta: 16 })).toThrow('3 rows of [1,1,1] positions for 1 sections')
  })
  it('is refused by rope if it was made for other tokens or heads', () => {
    const table = ropeTable(rows[0]!, { headSize: 8, theta: 16 })
    expect(() => rope(tensor(new Float32Array(16), [2, 1, 8]), table, { layout: 'half' })).toThrow(
      'rope: cos has shape [1,4], expected [2,4]',
    )
  })
})
