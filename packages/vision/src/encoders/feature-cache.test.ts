import { init, memory, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { beforeAll, expect, test } from 'vitest'
import { noisePatches, tinyEncoder } from '../fixtures/bind-family.ts'
import { cacheFeatures } from './feature-cache.ts'
import { qwen2_5_vl } from './qwen2_5_vl.ts'

beforeAll(async () => {
  await init({ device: 'cpu' })
})

const valuesOf = async (t: Tensor) => {
  const values = (await t.data()).slice()
  t.dispose()
  return values
}
type Noise = ReturnType<typeof noisePatches>
const [a, b, c] = [1, 2, 3].map((seed) => noisePatches(4, 4 * seed, 12, seed)) as [Noise, Noise, Noise]

test('returns what the encoder returns, and encodes every image once', async () => {
  const { encoder } = tinyEncoder(qwen2_5_vl)
  const cached = cacheFeatures(encoder)
  for (const images of [[a], [a, b], [b, a, b], [c, c]]) {
    const features = cached.encode(images!)
    expect(features.shape).toEqual([images.reduce((sum, { grid }) => sum + encoder.tokens(grid), 0), encoder.outputWidth])
    const [ours, theirs] = [await valuesOf(features), await valuesOf(encoder.encode(images!))]
    ours.forEach((value, i) => expect(value).toBeCloseTo(theirs[i]!, 5))
  }
  expect([cached.encoded, cached.found]).toEqual([3, 5])
  expect(cached.tokensHeld).toBe(4 + 8 + 12)
  cached.dispose()
})

test('returned features stay valid after the cache drops them', async () => {
  const { encoder } = tinyEncoder(qwen2_5_vl)
  const cached = cacheFeatures(encoder, { capacityTokens: 12 })
  const first = cached.encode([a])
  const expected = await valuesOf(encoder.encode([a]))
  cached.encode([c]).dispose()
  expect(cached.tokensHeld).toBe(12)
  cached.encode([a]).dispose()
  expect([cached.encoded, cached.tokensHeld]).toEqual([3, 4])
  cached.dispose()
  expect(await valuesOf(first)).toEqual(expected)
})

test('an image larger than the cache is encoded, but not kept', async () => {
  const { encoder } = tinyEncoder(qwen2_5_vl)
  const cached = cacheFeatures(encoder, { capacityTokens: 3 })
  await withoutLeaks('a cache without room', () => cached.encode([a, b]).dispose())
  expect(cached.tokensHeld).toBe(0)
})

test('the least recently used image is dropped first', () => {
  const { encoder } = tinyEncoder(qwen2_5_vl)
  const cached = cacheFeatures(encoder, { capacityTokens: 16 })
  for (const image of [a, b, a, c]) cached.encode([image!]).dispose()
  cached.encode([a]).dispose()
  expect([cached.encoded, cached.found]).toEqual([3, 2])
  cached.dispose()
})

test('dispose frees everything, and the count of tensors is flat while it works', async () => {
  const { encoder } = tinyEncoder(qwen2_5_vl)
  const before = memory().tensors
  const cached = cacheFeatures(encoder)
  cached.encode([a, b]).dispose()
  await withoutLeaks('1,000 questions', () => {
    for (let i = 0; i < 1000; i++) cached.encode(i % 2 ? [a] : [b, a]).dispose()
  })
  expect(memory().tensors).toBe(before + 2)
  cached.dispose()
  expect(memory().tensors).toBe(before)
  expect(() => cached.encode([])).toThrow('qwen2_5_vl: no image to encode')
})
