/** WebGPU commands per decoded token. Counted, not timed, so a software adapter is as good as any. */
import { close, dispose, init } from '@casa-js/tensor'
import { afterAll, expect, it } from 'vitest'
import { wantedDevices, whyMissing } from '../../packages/tensor/src/testing/devices.ts'
import { countOnGpu } from '../../packages/tensor/src/testing/gpu-counts.ts'
import { webgpuBackend } from '../../packages/tensor/src/testing/held-webgpu.ts'
import { CachedDecoder } from './cached-decoder.ts'
import type { DecoderShape } from './decoder-shape.ts'

const shape: DecoderShape = { width: 32, heads: 2, ffn: 48, layers: 3, vocabulary: 50, batch: 1, tokens: 1 }
const missing = wantedDevices.includes('webgpu') ? await whyMissing('webgpu') : 'not among CASA_DEVICES'

afterAll(close)

it.skipIf(missing)(
  'a decoded token makes no buffer and no bind group, and uploads once per submit and layer',
  { timeout: 240_000 },
  async () => {
    await init({ device: 'webgpu', software: true })
    const decoder = new CachedDecoder(shape, 64)
    const next = async (id: number) => {
      const logits = decoder.next(Int32Array.of(id))
      await logits.data()
      dispose(logits)
    }
    for (let i = 0; i < 10; i++) await next(i)
    const { counts, stop } = countOnGpu(webgpuBackend())
    const tokens = 10
    for (let i = 0; i < tokens; i++) await next(i)
    stop()
    decoder.dispose()
    const perToken = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / tokens]))
    expect(perToken).toMatchObject({ buffers: 0, bindGroups: 0 })
    expect(perToken.dispatches! / shape.layers).toBeLessThanOrEqual(14)
    expect(perToken.submits).toBeLessThanOrEqual(3)
    // One write per submit, one per layer's attention, one for the id, one each for cosine and sine.
    expect(perToken.uploads).toBeLessThanOrEqual(3 + shape.layers + 3)
    expect(perToken.uploadedBytes).toBeLessThanOrEqual(11_000)
  },
)
