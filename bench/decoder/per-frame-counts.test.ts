/**
 * What a frame of live captions asks of the device: its pass with the encoder, and the tokens said of it, the likeliest each. Counted, not
 * timed, so a software adapter is as good as any.
 */
import { close, init } from '@casa-js/tensor'
import { captionStream, createSampler } from '@casa-js/vlm'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, describe, expect, it } from 'vitest'
import { wantedDevices, whyMissing } from '../../packages/tensor/src/testing/devices.ts'
import { countOnGpu, type GpuCounts } from '../../packages/tensor/src/testing/gpu-counts.ts'
import { webgpuBackend } from '../../packages/tensor/src/testing/held-webgpu.ts'
import { picture, tinyVlm } from '../../packages/vlm/src/fixtures/tiny.ts'

/** Frames in which plans are made, then frames that are counted. */
const [warm, counted] = [8, 3]

type Counts = Partial<GpuCounts> & { tensors: number }

/** Per frame, of the counted ones: with this many tokens said of each. */
async function countsPerFrame(device: 'wasm' | 'webgpu', tokens: number): Promise<Counts> {
  const vlm = tinyVlm()
  const sampler = createSampler({ temperature: 0 })
  const frames = Array.from({ length: warm + counted }, (_, i) => ({ image: picture(i), timeMs: 500 * i }))
  // Tensors are numbered. Private to tfjs 4.22.0, whose version is pinned.
  const number = () => tf.engine()['nextTensorId']() - 1
  let begin = 0
  let counting: ReturnType<typeof countOnGpu> | undefined
  let seen = 0
  for await (const { tokens: said } of captionStream(vlm, frames, {
    ...{ budgetMs: Infinity, maxTokensPerFrame: tokens, sampler, capacityTokens: 512 },
  })) {
    expect(said).toBe(tokens)
    if (++seen === warm) {
      begin = number()
      if (device === 'webgpu') counting = countOnGpu(webgpuBackend())
    }
  }
  counting?.stop()
  const all: Counts = { ...counting?.counts, tensors: number() - begin }
  vlm.dispose()
  return Object.fromEntries(Object.entries(all).map(([name, count]) => [name, count / counted])) as unknown as Counts
}

describe.each(['wasm', 'webgpu'] as const)('a frame of captions on %s', async (device) => {
  const missing = wantedDevices.includes(device) ? await whyMissing(device) : 'not among CASA_DEVICES'
  afterAll(close)

  it.skipIf(missing)(
    'makes no object for the tokens that are said of it, and next to none for itself',
    { timeout: 240_000 },
    async () => {
      await init({ device, software: true })
      const [one, four] = [await countsPerFrame(device, 1), await countsPerFrame(device, 4)]
      // Tokens after the first are run from a plan.
      expect(four.tensors).toBe(one.tensors)
      // The image tokens.
      expect(four.tensors).toBeLessThanOrEqual(2)
      if (device === 'wasm') return
      const perToken = Object.fromEntries(
        Object.entries(four).map(([name, count]) => [name, (count - one[name as keyof Counts]!) / 3]),
      )
      // Two layers of 11 dispatches, of which CASA has 5; the embedding, the head with its norm, the choice of a token.
      expect(perToken).toMatchObject({
        dispatches: 2 * 11 + 3,
        submits: 2,
        uploads: 3,
        uploadedBytes: 60,
        buffers: 0,
        bindGroups: 0,
      })
      expect(perToken.readBytes).toBe(4)
      // So is the frame's own pass, with its encoder.
      expect(one).toMatchObject({ buffers: 0, bindGroups: 0, submits: 5 })
      expect(one.dispatches).toBeLessThanOrEqual(105)
      // The image's values; ids, moves, and the keys that grow.
      expect(one.uploads).toBeLessThanOrEqual(4)
      expect(one.uploadedBytes).toBeLessThanOrEqual(3_112)
    },
  )
})
