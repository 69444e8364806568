import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { quantizedMetadata } from './quantized-source.ts'

const form = { bits: 8, group: 32 } as const
const parts = {
  'w.qweight': { dtype: 'I32' as const, shape: [2, 1], data: Int32Array.of(0x00ff0201, 0x00000003) },
  'w.scales': { dtype: 'F16' as const, shape: [2, 1], data: Float32Array.of(0.5, 2) },
  b: { dtype: 'F32' as const, shape: [2], data: Float32Array.of(7, 8) },
}
const [key, good] = quantizedMetadata('w', form, [2, 3])

async function open(description = good, tensors: Parameters<typeof encodeSafetensors>[0] = parts) {
  const file = await encodeSafetensors(tensors, { [key]: description, format: 'pt' })
  return openWeights(memoryFolder('m', new Map([['model.safetensors', file]])))
}

describe('a file with quantised tensors', () => {
  it('shows each as one tensor and hides its parts', async () => {
    const source = await open()
    expect(Object.fromEntries(source.entries())).toEqual({ w: { shape: [2, 3], dtype: 'Q8' }, b: { shape: [2], dtype: 'F32' } })
    expect(source.metadata).toEqual({ format: 'pt' })
    expect([...(await source.read('w'))]).toEqual([0.5, 1, -0.5, 6, 0, 0])
    expect([...(await source.read('b'))]).toEqual([7, 8])
  })

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['3 bits', '{"bits":3,"group":32,"shape":[2,3]}'],
    ['a group of 20', '{"bits":8,"group":20,"shape":[2,3]}'],
    ['a group of 0', '{"bits":8,"group":0,"shape":[2,3]}'],
    ['three dimensions', '{"bits":8,"group":32,"shape":[2,3,1]}'],
    ['more columns than there are words', '{"bits":8,"group":32,"shape":[2,9]}'],
    ['more rows than there are', '{"bits":8,"group":32,"shape":[3,3]}'],
    ['fewer bits than are there', '{"bits":4,"group":32,"shape":[2,33]}'],
  ])('is refused when it describes %s', async (_, description) => {
    await expect(open(description)).rejects.toMatchObject({ name: 'WeightError', rule: 'quantized', tensor: 'w' })
  })

  it('is refused when a part is missing, or the tensor is there twice', async () => {
    const { 'w.scales': scales, ...without } = parts
    await expect(open(good, without)).rejects.toThrow('w.scales must be F16 [2,1], found nothing')
    await expect(open(good, { ...parts, 'w.scales': { ...scales, dtype: 'BF16' } })).rejects.toThrow('found BF16 [2,1]')
    await expect(open(good, { ...parts, w: parts.b })).rejects.toThrow('quantised and unquantised')
  })
})
