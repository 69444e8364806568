/** The decoders of the benches on WebGPU: right, and flat in tensors and in bytes on the device. Few steps: it may be software. */
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, describe, expect, it } from 'vitest'
import { argmax, close, dispose, init, memory, withoutLeaks } from '@casa-js/tensor'
import { whyMissing } from '../src/testing/devices.ts'
import { CachedDecoder } from './cached-decoder.ts'
import { decoderTokens, type DecoderShape } from './decoder-shape.ts'
import { ReferenceDecoder } from './reference-decoder.ts'

const tiny: DecoderShape = { width: 8, heads: 2, ffn: 12, layers: 2, vocabulary: 11, batch: 2, tokens: 5 }
const { ids, targets } = decoderTokens(tiny)
const missing = await whyMissing('webgpu')

/** With the buffers that wait to be used again. */
const deviceBytes = () => (tf.memory() as unknown as { numBytesAllocatedInGPU: number }).numBytesAllocatedInGPU

afterAll(close)

describe.skipIf(missing)(`on webgpu${missing ? ` (${missing})` : ''}`, () => {
  it('training follows the reference, and takes no more memory with every step', async () => {
    const losses = async (device: 'cpu' | 'webgpu') => {
      await init({ device })
      return withoutLeaks('training', async () => {
        const decoder = new ReferenceDecoder(tiny)
        const found: number[] = []
        const bytes: number[] = []
        for (let step = 0; step < 30; step++) {
          const loss = decoder.train(ids, targets)
          found.push((await loss.data())[0])
          dispose(loss)
          bytes.push(deviceBytes())
        }
        decoder.dispose()
        if (device === 'webgpu') expect(new Set(bytes.slice(10)).size, `bytes: ${bytes}`).toBe(1)
        return found
      })
    }
    const [expected, found] = [await losses('cpu'), await losses('webgpu')]
    found.forEach((loss, step) => expect(Math.abs(loss - expected[step])).toBeLessThan(1e-4))
  })

  it('decoding takes no more memory with every token', async () => {
    await init({ device: 'webgpu' })
    await withoutLeaks('decoding', async () => {
      const decoder = new CachedDecoder(tiny, 50)
      const { tensors } = memory()
      const bytes: number[] = []
      let id = 3
      for (let token = 0; token < 50; token++) {
        const logits = decoder.next(Int32Array.of(id))
        const choice = argmax(logits)
        id = (await choice.data())[0]
        dispose(logits, choice)
        expect(memory().tensors, `tensors after token ${token}`).toBe(tensors)
        bytes.push(deviceBytes())
      }
      expect(new Set(bytes.slice(10)).size, `bytes: ${bytes}`).toBe(1)
      decoder.dispose()
    })
  })
})
