import type { TensorTable } from '@casa-js/core'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../bytes/source.ts'
import type { TensorToWrite } from '../safetensors/encode.ts'
import { Safetensors } from '../safetensors/reader.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { casaReleasedNames } from './known-names.ts'
import { loadEach, loadParams, type LoadedTensor } from './load-params.ts'
import { parseNameMap } from './name-map.ts'

const init = { kind: 'zeros' } as const
const table: TensorTable = [
  { name: 'model.embed.weight', shape: [3, 2], init },
  { name: 'model.norm.weight', shape: [2], init, aliases: ['model.final_norm.weight'] },
]
const f32 = (shape: number[]): TensorToWrite => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
})
const open = async (tensors: Record<string, TensorToWrite>) =>
  Safetensors.open(memorySource('model.safetensors', await encodeSafetensors(tensors)))

describe('strict loading', () => {
  it('gives every tensor of the table by its name there', async () => {
    const source = await open({ 'model.embed.weight': f32([3, 2]), 'model.final_norm.weight': f32([2]) })
    const progress: string[] = []
    const params = await loadParams(table, source, {
      onProgress: (p) => progress.push(`${p.loadedTensors}/${p.totalTensors} ${p.tensor}`),
    })
    expect(Object.keys(params)).toEqual(['model.embed.weight', 'model.norm.weight'])
    expect([...params['model.embed.weight']!]).toEqual([0, 1, 2, 3, 4, 5])
    expect(progress).toEqual(['1/2 model.embed.weight', '2/2 model.norm.weight'])
  })

  it('lists all that does not fit, with the nearest names', async () => {
    const source = await open({ 'model.embd.weight': f32([3, 2]), 'model.norm.weight': f32([2, 1]), 'lm_head.weight': f32([1]) })
    const error = await loadParams(table, source).catch((e: Error) => e)
    expect((error as Error).message).toBe(
      'model.safetensors does not fit the model: 1 missing, 1 ill-fitting, 2 unexpected tensors.\n' +
        'missing (wanted by the model):\n' +
        '  model.embed.weight [3, 2]   nearest there: model.embd.weight [3, 2]\n' +
        'ill-fitting:\n' +
        '  model.norm.weight [2]   found [2, 1]\n' +
        'unexpected (held by the checkpoint):\n' +
        '  lm_head.weight [1]\n' +
        '  model.embd.weight [3, 2]   nearest wanted: model.embed.weight [3, 2]\n' +
        'If only the names differ, pass `names`: a list of [pattern, replacement].',
    )
    expect(error).toMatchObject({ file: 'model.safetensors', tensor: 'model.embed.weight', rule: 'table' })
  })

  it('renames by the first rule that matches, and leaves out what a rule says', async () => {
    const source = await open({ 'm.embed.weight': f32([3, 2]), 'm.norm.weight': f32([2]), 'm.rotary_emb.inv_freq': f32([4]) })
    const names = parseNameMap(JSON.parse('[["inv_freq$", null], ["^m\\\\.(.*)", "model.$1"], ["norm", "never"]]'))
    expect(Object.keys(await loadParams(table, source, { names }))).toEqual(['model.embed.weight', 'model.norm.weight'])
  })

  it('can take a part of a checkpoint', async () => {
    const source = await open({ 'model.embed.weight': f32([3, 2]), 'model.norm.weight': f32([2]), more: f32([1]) })
    await expect(loadParams(table, source)).rejects.toThrow('1 unexpected')
    expect(Object.keys(await loadParams(table, source, { allowUnexpected: true }))).toHaveLength(2)
  })

  it.each([
    [
      'an integer tensor',
      { 'model.embed.weight': { dtype: 'I32', shape: [3, 2], data: new Int32Array(6) }, 'model.norm.weight': f32([2]) },
      'found I32',
    ],
    [
      'two names of one tensor',
      { 'model.embed.weight': f32([3, 2]), 'model.norm.weight': f32([2]), 'model.final_norm.weight': f32([2]) },
      'several names',
    ],
  ] as [string, Record<string, TensorToWrite>, string][])('refuses %s', async (_, tensors, message) => {
    await expect(loadParams(table, await open(tensors))).rejects.toThrow(message)
  })

  it('refuses a map that gives two tensors one name', async () => {
    const source = await open({ a: f32([1]), b: f32([1]) })
    await expect(loadParams([{ name: 'x', shape: [1], init }], source, { names: [['^[ab]$', 'x']] })).rejects.toMatchObject({
      rule: 'names',
      tensor: 'b',
    })
  })

  it('refuses a source that returns another number of values than it listed', async () => {
    const source = {
      entries: () => new Map([['w', { shape: [4], dtype: 'F32' }]]),
      read: async () => new Float32Array(3),
      close: async () => {},
    }
    await expect(loadParams([{ name: 'w', shape: [4], init }], source)).rejects.toMatchObject({ rule: 'shape', tensor: 'w' })
  })

  it('hands over matrices compressed and vectors as float32', async () => {
    const source = await open({
      'model.embed.weight': { ...f32([3, 2]), dtype: 'BF16' },
      'model.norm.weight': { ...f32([2]), dtype: 'BF16' },
    })
    const seen: LoadedTensor[] = []
    await loadEach(table, source, (tensor) => void seen.push(tensor), { compressed: true })
    expect(seen.map(({ spec, dtype }) => [spec.name, dtype])).toEqual([
      ['model.embed.weight', 'BF16'],
      ['model.norm.weight', 'F32'],
    ])
    expect(seen[0]).toHaveProperty('compressed.length', 3)
  })

  it.each([
    [{}, 'names: expected a list'],
    [[['a']], 'names[0]: expected [pattern, replacement or null]'],
    [
      [
        ['a', 'b'],
        ['(', 'b'],
      ],
      'names[1]: "(" is not a regular expression',
    ],
  ])('refuses the name map %j', (json, message) => {
    expect(() => parseNameMap(json)).toThrow(message)
  })

  it('leaves out buffers that old checkpoints carry, unless the table wants them', async () => {
    const source = await open({ 'model.norm.weight': f32([2]), 'model.layers.0.self_attn.rotary_emb.inv_freq': f32([2]) })
    const norm: TensorTable = [{ name: 'model.norm.weight', shape: [2], init }]
    expect(Object.keys(await loadParams(norm, source))).toEqual(['model.norm.weight'])
    const wanted = [...norm, { name: 'model.layers.0.self_attn.rotary_emb.inv_freq', shape: [2], init }]
    expect(Object.keys(await loadParams(wanted, source))).toHaveLength(2)
  })

  it('knows the vision tower of the released CASA checkpoints', async () => {
    const source = await open({ 'image_prefix.enc.visual.norm.weight': f32([2]), 'model.language_model.norm.weight': f32([2]) })
    const wanted: TensorTable = ['visual.norm.weight', 'model.norm.weight'].map((name) => ({ name, shape: [2], init }))
    expect(Object.keys(await loadParams(wanted, source, { names: casaReleasedNames }))).toHaveLength(2)
  })
})
