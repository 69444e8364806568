/**
 * The decoders of the benches on WebGPU: right, and flat in tensors and in bytes on the device, over as many rounds as on the
 * other devices. On a software adapter this takes a minute or two; CASA_ROUNDS=20 is enough while writing.
 */
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, describe, expect, it } from 'vitest'
import { argmax, close, dispose, init, memory, withoutLeaks } from '@casa-js/tensor'
import { keysTogether } from '../../packages/tensor/src/ops/attention/webgpu-one-query.ts'
import { wantedDevices, whyMissing } from '../../packages/tensor/src/testing/devices.ts'
import { CachedDecoder } from './cached-decoder.ts'
import { decoderTokens, type DecoderShape } from './decoder-shape.ts'
import { ReferenceDecoder } from './reference-decoder.ts'

const tiny: DecoderShape = { width: 8, heads: 2, ffn: 12, layers: 2, vocabulary: 11, batch: 2, tokens: 5 }
const { ids, targets } = decoderTokens(tiny)
const rounds = Number(process.env.CASA_ROUNDS ?? 1000)
/** A round of training takes seconds on software where the machine is busy with other tests. */
const timeout = 240_000 + 2000 * rounds
const missing = wantedDevices.includes('webgpu') ? await whyMissing('webgpu') : 'not among CASA_DEVICES'

/** With the buffers that wait to be used again. */
const deviceBytes = () => (tf.memory() as tf.MemoryInfo & { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU

afterAll(close)

describe.skipIf(missing)(`on webgpu${missing ? ` (${missing})` : ''}`, () => {
  it(`${rounds} steps of training follow the reference, and take no more memory with every step`, { timeout }, async () => {
    const losses = async (device: 'cpu' | 'webgpu') => {
      await init({ device })
      return withoutLeaks('training', async () => {
        const decoder = new ReferenceDecoder(tiny)
        const found: number[] = []
        const bytes: number[] = []
        for (let step = 0; step < rounds; step++) {
          const loss = decoder.train(ids, targets)
          found.push((await loss.data())[0]!)
          dispose(loss)
          bytes.push(deviceBytes())
        }
        decoder.dispose()
        if (device === 'webgpu') expect(new Set(bytes.slice(10)).size, `bytes: ${bytes}`).toBe(1)
        return found
      })
    }
    const [expected, found] = [await losses('cpu'), await losses('webgpu')]
    // Later steps differ because rounding errors have accumulated.
    found.slice(0, 30).forEach((loss, step) => expect(Math.abs(loss - expected[step]!)).toBeLessThan(1e-4))
  })

  it(`${rounds} decoded tokens take no more memory with every token`, { timeout }, async () => {
    await init({ device: 'webgpu' })
    await withoutLeaks('decoding', async () => {
      const decoder = new CachedDecoder(tiny, rounds)
      const { tensors } = memory()
      const bytes: number[] = []
      let id = 3
      for (let token = 0; token < rounds; token++) {
        const logits = decoder.next(Int32Array.of(id))
        const choice = argmax(logits)
        id = (await choice.data())[0]!
        dispose(logits, choice)
        expect(memory().tensors, `tensors after token ${token}`).toBe(tensors)
        bytes.push(deviceBytes())
      }
      // A longer cache is shared among more workgroups, each with a small result of its own: the sums of a head and its log-sum-exp. The
      // buffers of every number of them may wait to be used again; 16 bytes a token, the smallest buffer, would be three times as much.
      const late = bytes.slice(10)
      const parts = Math.ceil(rounds / keysTogether)
      const bytesOfPart = 4 * (tiny.width + tiny.heads)
      const most = (bytesOfPart * parts * (parts + 1)) / 2
      expect(Math.max(...late) - Math.min(...late), `bytes: ${bytes}`).toBeLessThanOrEqual(most)
      decoder.dispose()
    })
  })
})
