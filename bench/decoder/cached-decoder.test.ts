import { afterAll, describe, expect, it } from 'vitest'
import { argmax, close, dispose, init, memory, withoutLeaks } from '@casa-js/tensor'
import { CachedDecoder } from './cached-decoder.ts'
import { decoderTokens, type DecoderShape } from './decoder-shape.ts'
import { ReferenceDecoder } from './reference-decoder.ts'

const tiny: DecoderShape = { width: 8, heads: 2, ffn: 12, layers: 2, vocabulary: 11, batch: 1, tokens: 12 }

afterAll(close)

describe.each(['cpu', 'wasm'] as const)('the cached decoder on %s', (device) => {
  it('gives the logits of the full forward pass, token by token and in pieces', async () => {
    await init({ device })
    await withoutLeaks('the comparison', async () => {
      const { ids } = decoderTokens(tiny)
      const full = new ReferenceDecoder(tiny)
      const expected = full.forward(ids)
      for (const piece of [1, 5]) {
        const cached = new CachedDecoder(tiny, tiny.tokens)
        const found: number[] = []
        for (let at = 0; at < ids.length; at += piece) {
          const logits = cached.next(ids.subarray(at, at + piece))
          found.push(...(await logits.data()))
          dispose(logits)
        }
        ;(await expected.data()).forEach((value, i) => expect(found[i]).toBeCloseTo(value, 6))
        cached.dispose()
      }
      dispose(expected)
      full.dispose()
    })
  })

  it('holds as many tensors and bytes after 1,000 tokens as before the first', async () => {
    await init({ device })
    await withoutLeaks('decoding', async () => {
      const decoder = new CachedDecoder(tiny, 1000)
      const before = memory()
      let id = 3
      for (let token = 0; token < 1000; token++) {
        const logits = decoder.next(Int32Array.of(id))
        const choice = argmax(logits)
        id = (await choice.data())[0]!
        dispose(logits, choice)
        if (memory().tensors !== before.tensors) expect.fail(`token ${token} left ${memory().tensors - before.tensors} tensors`)
      }
      expect(memory()).toEqual(before)
      decoder.dispose()
    })
  })
})
