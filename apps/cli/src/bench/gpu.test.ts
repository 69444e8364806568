/** `casa bench gpu`: the least work of a token, and the table and JSON, on whichever device is there. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { benchGpu, type GpuReport } from './gpu.ts'
import { devices, leastMs, tokenWork } from './roofline.ts'

afterEach(() => vi.restoreAllMocks())

const init = { kind: 'zeros' } as const
const table = [
  { name: 'model.embed_tokens.weight', shape: [100, 64], init },
  { name: 'model.layers.0.mlp.up_proj.weight', shape: [128, 64], init },
  { name: 'model.norm.weight', shape: [64], init },
]
const attention = { layers: 1, heads: 4, kvHeads: 2, headSize: 16 }

describe('the work of a token', () => {
  it('reads every matrix once, of an embedding that is not the head one row, and the keys and values before it', () => {
    const of = (isTied: boolean, format: 'float32' | 'int4') => tokenWork(table, { isTied, attention, format, contextTokens: 10 })
    expect(of(false, 'float32')).toEqual({
      weightBytes: 4 * (64 + 128 * 64),
      cacheBytes: 2 * 2 * 16 * 10 * 4,
      operations: 2 * 128 * 64 + 4 * 4 * 16 * 10,
    })
    expect(of(true, 'float32').weightBytes).toBe(4 * (100 * 64 + 128 * 64))
    // The head stays in 8 bits.
    expect(of(true, 'int4').weightBytes).toBe((100 * 64 * 8.5 + 128 * 64 * 4.5) / 8)
  })

  it('takes a device at least as long as its memory and its peak allow', () => {
    const work = { weightBytes: 3e6, cacheBytes: 1e6, operations: 1e6 }
    expect(leastMs(work, { gigabytesPerSecond: 100, teraflops: 10 })).toBeCloseTo(0.04)
    expect(leastMs(work, { gigabytesPerSecond: 1e9, teraflops: 1e-3 })).toBeCloseTo(1)
  })
})

describe('casa bench gpu', () => {
  it('prints a table and JSON', async () => {
    const printed: string[] = []
    vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const flags = { shape: 'tiny', formats: ['float32', 'bf16', 'int8', 'int4'], context: 12, tokens: 3 } as const
    await benchGpu({ ...flags, formats: [...flags.formats], device: 'wasm' })
    const report = JSON.parse(printed[1]!) as GpuReport
    expect(report).toMatchObject({ device: { device: 'wasm' }, shape: 'tiny' })
    expect(report.rows.map(({ format }) => format)).toEqual(flags.formats)
    for (const row of report.rows) {
      expect(row.measuredMs).toBeGreaterThan(0)
      expect(Object.keys(row.leastMs)).toEqual(devices.map(({ name }) => name))
    }
    const bytes = report.rows.map(({ weightBytes }) => weightBytes)
    expect(bytes).toEqual(bytes.toSorted((a, b) => b - a))
    expect(printed[0]).toContain('| int4 | 0.056 |')
    // No number of so small a shape is rounded to nothing.
    expect(printed[0]).not.toMatch(/\| 0(\.0+)? \|/)
  })
})
