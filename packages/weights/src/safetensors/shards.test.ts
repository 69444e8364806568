import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { fileSource, fsFolder } from '../files/fs.node.ts'
import { openWeights } from '../folder/open-weights.ts'
import { bf16FromFloat32, float32FromBf16 } from '@casa-js/base/internal'
import { Safetensors } from './reader.ts'
import { encodeSafetensors } from './writer.ts'

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname
const scalar = (x: number) => ({ dtype: 'F32' as const, shape: [], data: Float32Array.of(x) })

async function folderOf(weightMap: unknown, shards: Record<string, Record<string, ReturnType<typeof scalar>>>) {
  const files = new Map<string, Uint8Array>()
  const index =
    typeof weightMap === 'string' ? weightMap : JSON.stringify({ metadata: { total_size: 8.5 }, weight_map: weightMap })
  files.set('model.safetensors.index.json', new TextEncoder().encode(index))
  for (const [file, tensors] of Object.entries(shards)) files.set(file, await encodeSafetensors(tensors))
  return memoryFolder('folder', files)
}

describe('sharded checkpoints', () => {
  it('read as what transformers saved them from', async () => {
    const whole = await Safetensors.open(await fileSource(fixture('llama-helium1.safetensors')))
    const sharded = await openWeights(fsFolder(fixture('llama-helium1-bf16-sharded')))
    expect(new Set(sharded.entries().keys())).toEqual(new Set(whole.entries().keys()))
    for (const [name, { shape }] of whole.entries()) {
      expect(sharded.entries().get(name)).toEqual({ shape, dtype: 'BF16' })
      expect(await sharded.read(name)).toEqual(float32FromBf16(bf16FromFloat32(await whole.read(name))))
    }
    await Promise.all([whole.close(), sharded.close()])
  })

  it('are found by tensor', async () => {
    const source = await openWeights(
      await folderOf(
        { a: '1.safetensors', b: '2.safetensors' },
        { '1.safetensors': { a: scalar(1) }, '2.safetensors': { b: scalar(2) } },
      ),
    )
    expect([...(await source.read('b'))]).toEqual([2])
    await expect(async () => source.read('c')).rejects.toMatchObject({ rule: 'missing', tensor: 'c' })
  })

  it('are compared with the index in both directions', async () => {
    const folder = await folderOf(
      { a: '1.safetensors', b: '2.safetensors', d: '1.safetensors' },
      { '1.safetensors': { a: scalar(1), b: scalar(2) }, '2.safetensors': { b: scalar(2), c: scalar(3) } },
    )
    const error = await openWeights(folder).catch((e: Error) => e)
    expect((error as Error).message).toBe(
      'folder/model.safetensors.index.json: the index and its files differ in 3 places:\n' +
        '  d: the index places it in 1.safetensors, which does not hold it\n' +
        '  b: 1.safetensors holds it, the index places it in 2.safetensors\n' +
        '  c: 2.safetensors holds it, the index does not name it',
    )
  })

  it.each([
    ['missing', { a: 'gone.safetensors' }],
    ['index', { a: '../1.safetensors' }],
    ['index', { a: '1.bin' }],
    ['index', { a: '1\0.safetensors' }],
    ['json', { a: 5 }],
    ['json', []],
    ['index', '{}'],
    ['json', '{"weight_map":{}} x'],
    ['json', '{"metadata":{"x":01},"weight_map":{}}'],
    ['json', `{"metadata":${'['.repeat(50_000)}`],
    ['duplicate-key', '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}'],
  ])('refuse a broken index by the rule %s', async (rule, index) => {
    await expect(openWeights(await folderOf(index, { '1.safetensors': { a: scalar(1) } }))).rejects.toMatchObject({ rule })
  })
})
