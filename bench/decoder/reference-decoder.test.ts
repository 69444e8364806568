import { afterAll, describe, expect, it } from 'vitest'
import { close, dispose, init, memory } from '@casa-js/tensor'
import { decoderTokens, type DecoderShape } from './decoder-shape.ts'
import { ReferenceDecoder } from './reference-decoder.ts'

const tiny: DecoderShape = { width: 8, heads: 2, ffn: 12, layers: 2, vocabulary: 11, batch: 2, tokens: 5 }
const { ids, targets } = decoderTokens(tiny)

afterAll(close)

async function losses(device: 'cpu' | 'wasm', steps: number): Promise<number[]> {
  await init({ device })
  const decoder = new ReferenceDecoder(tiny)
  const found: number[] = []
  for (let step = 0; step < steps; step++) {
    const loss = decoder.train(ids, targets)
    found.push((await loss.data())[0]!)
    dispose(loss)
  }
  decoder.dispose()
  return found
}

describe('the reference decoder', () => {
  it('learns the same on wasm as on the reference', async () => {
    const [cpu, wasm] = [await losses('cpu', 20), await losses('wasm', 20)]
    expect(cpu[0]).toBeCloseTo(Math.log(tiny.vocabulary), 1)
    expect(cpu[19]).toBeLessThan(cpu[0]! - 0.05)
    wasm.forEach((loss, step) => expect(Math.abs(loss - cpu[step]!)).toBeLessThan(1e-4))
  })

  it.each(['cpu', 'wasm'] as const)('holds as many tensors and bytes after 1,000 steps as after one, on %s', async (device) => {
    await init({ device })
    const before = memory()
    const decoder = new ReferenceDecoder(tiny)
    dispose(decoder.train(ids, targets))
    const afterOne = memory()
    for (let step = 1; step < 1000; step++) dispose(decoder.train(ids, targets))
    expect(memory()).toEqual(afterOne)
    decoder.dispose()
    expect(memory()).toEqual(before)
  })
})
