import { backboneEqualsGolden, describeOnDevices } from '@casa-js/testing'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { llama } from '../llama.ts'
import { qwen2 } from '../qwen2.ts'
import { rotarySpectrum } from './rotary.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))

interface Golden {
  cases: {
    name: string
    config: { rope_parameters: Record<string, unknown>; [field: string]: unknown }
    length: number | null
    /** float32 bits */
    frequencies: number[]
    magnitude: number
  }[]
}
const golden: Golden = JSON.parse(readFileSync(fixture('rotary.json'), 'utf8'))
const rest = { intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 4, vocab_size: 9 }

describe('rotary scaling', () => {
  it.each(golden.cases)("$name: the original's frequencies", ({ config, length, frequencies, magnitude }) => {
    const found = rotarySpectrum(llama.parseConfig({ ...rest, ...config }), length ?? 0)
    const expected = new Float32Array(Int32Array.from(frequencies).buffer)
    expect(found.frequencies.length).toBe(expected.length)
    // Two units in the last place: the original rounds in another order.
    expected.forEach((f, i) => expect(Math.abs(found.frequencies[i]! / f - 1), `pair ${i}`).toBeLessThan(2.4e-7))
    expect(found.magnitude).toBeCloseTo(magnitude, 6)
  })

  it.each(golden.cases)('$name: reads the layout of transformers 4.x as the same', ({ config }) => {
    const { rope_parameters, ...others } = config
    const { rope_theta, rope_type, ...scaling } = rope_parameters
    const older = { ...rest, ...others, rope_theta, rope_scaling: { type: rope_type, ...scaling } }
    expect(llama.parseConfig(older)).toEqual(llama.parseConfig({ ...rest, ...config }))
  })

  it.each([
    ['longrope', { rope_type: 'longrope', factor: 4, long_factor: [1], short_factor: [1] }, 'rope_parameters: '],
    ['a part of the head', { rope_type: 'default', partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    ['settings by layer type', { full_attention: { rope_type: 'default' } }, 'full_attention'],
    ['a factor below 1', { rope_type: 'linear', factor: 0.5 }, 'factor: expected a number of at least 1'],
    ['llama3 without its bounds', { rope_type: 'llama3', factor: 8 }, 'low_freq_factor'],
    [
      'llama3 with its bounds swapped',
      { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 1 },
      'high_freq_factor',
    ],
  ])('refuses %s by name', (_, rope_parameters, message) => {
    expect(() => llama.parseConfig({ ...rest, hidden_size: 64, rope_parameters })).toThrow(message)
  })
})

await describeOnDevices('scaled rotary positions and windows', (device) => {
  it.each([
    ['llama-linear', llama],
    ['llama-dynamic', llama],
    ['llama-llama3', llama],
    ['qwen2-sliding-yarn', qwen2],
  ] as const)('%s: the original in every layer, gradient and greedy id', (name, family) =>
    backboneEqualsGolden(family, fixture(name), device),
  )
})
