import { describe, expect, it } from 'vitest'
import { fileSource } from '../files/fs.node.ts'
import { bf16FromFloat32, f16FromFloat32, float32FromBf16, float32FromF16 } from '@casa-js/base/internal'
import { Safetensors } from './reader.ts'

const golden = new URL('../../fixtures/half.safetensors', import.meta.url).pathname

/** Equal bits, with all NaNs alike: PyTorch keeps other payload bits of a NaN than we do. */
function expectSameHalves(actual: Uint16Array, expected: Uint16Array, exponent: number, fraction: number): void {
  const isNan = (half: number) => (half & exponent) === exponent && (half & fraction) !== 0
  expect(actual.length).toBe(expected.length)
  const wrong = [...actual].findIndex((half, i) => half !== expected[i] && !(isNan(half) && isNan(expected[i]!)))
  expect(wrong, `first difference: ${actual[wrong]} where PyTorch has ${expected[wrong]}`).toBe(-1)
}

describe('16-bit floats', () => {
  it('round as PyTorch does', async () => {
    const file = await Safetensors.open(await fileSource(golden))
    const values = await file.read('f32')
    const halves = async (name: string) => new Uint16Array((await file.readBytes(name)).slice().buffer)
    expectSameHalves(f16FromFloat32(values), await halves('f16'), 0x7c00, 0x3ff)
    expectSameHalves(bf16FromFloat32(values), await halves('bf16'), 0x7f80, 0x7f)
    await file.close()
  })

  it('come back unchanged through float32, every one of them', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
    expectSameHalves(f16FromFloat32(float32FromF16(all)), all, 0x7c00, 0x3ff)
    expectSameHalves(bf16FromFloat32(float32FromBf16(all)), all, 0x7f80, 0x7f)
  })
})
