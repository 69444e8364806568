import { readFile } from 'node:fs/promises'
import type { TensorTable } from '@casa-js/core'
import { describe, expect, it } from 'vitest'
import { memoryFolder, type FolderSource } from '../bytes/folder.ts'
import { fsFolder } from '../files/fs.node.ts'
import { openModelFolder } from '../folder/model-folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { loadEach, loadParams, type LoadedTensor } from '../load/load-params.ts'
import { encodeSafetensors } from '../safetensors/writer.ts'
import { convertModelFolder } from './convert.ts'

const fixtures = new URL('../../fixtures/', import.meta.url).pathname
const sharded = fsFolder(`${fixtures}llama-helium1-bf16-sharded`)
const whole = memoryFolder(
  'whole',
  new Map([
    ['config.json', await readFile(`${fixtures}llama-helium1-bf16-sharded/config.json`)],
    ['model.safetensors', await readFile(`${fixtures}llama-helium1.safetensors`)],
    ['README.md', new TextEncoder().encode('card')],
  ]),
)

/** All tensors with their bytes. */
async function contentOf(folder: FolderSource) {
  const weights = await openWeights(folder)
  const content: Record<string, unknown> = {}
  for (const [name, entry] of weights.entries())
    content[name] = { ...entry, bytes: Buffer.from(await weights.readBytes(name)).toString('base64') }
  await weights.close()
  return content
}

async function converted(from: FolderSource, options: Parameters<typeof convertModelFolder>[2]) {
  const to = memoryFolder('to')
  const report = await convertModelFolder(from, to, options)
  return { to, report }
}

describe('casa convert', () => {
  it('merges shards without changing a byte of a tensor', async () => {
    const { to, report } = await converted(sharded, {})
    expect(report.files).toEqual(['model.safetensors'])
    expect(report.tensors.every(({ error }) => error === undefined)).toBe(true)
    expect(await contentOf(to)).toEqual(await contentOf(sharded))
    expect(to.files.get('config.json')).toEqual(
      new Uint8Array(await readFile(`${fixtures}llama-helium1-bf16-sharded/config.json`)),
    )
  })

  it('rounds to bf16 exactly as PyTorch, and says so in config.json', async () => {
    const { to, report } = await converted(whole, { dtype: 'BF16' })
    expect(await contentOf(to)).toEqual(await contentOf(sharded))
    expect((await openModelFolder(to)).config).toHaveProperty('dtype', 'bfloat16')
    expect(to.files.get('README.md')).toEqual(whole.files.get('README.md'))
    expect(Math.max(...report.tensors.map(({ error }) => error!.relative))).toBeLessThan(2 ** -8)
  })

  it('cuts into shards that other readers accept, and merges them back', async () => {
    const { to, report } = await converted(whole, { shardBytes: 60_000 })
    expect(report.files.length).toBeGreaterThan(4)
    expect(report.files[0]).toBe(`model-00001-of-0000${report.files.length}.safetensors`)
    for (const file of report.files) expect(to.files.get(file)!.length).toBeLessThan(62_000)
    const index = JSON.parse(new TextDecoder().decode(to.files.get('model.safetensors.index.json')))
    expect(index.metadata.total_size).toBe(report.totalBytes)
    expect(await contentOf((await converted(to, {})).to)).toEqual(await contentOf(whole))
  })

  it.each([
    ['Q8', 0.006],
    ['Q4', 0.12],
  ] as const)('quantises to %s, with an error per tensor', async (dtype, limit) => {
    const { to, report } = await converted(whole, { dtype, rest: 'F16' })
    const quantized = report.tensors.filter(({ to }) => to === dtype)
    const matrices = report.tensors.filter(({ shape }) => shape.length === 2)
    expect(quantized).toEqual(matrices.filter(({ name }) => dtype === 'Q8' || !/lm_head/.test(name)))
    expect(matrices.find(({ name }) => name === 'lm_head.weight')!.to).toBe('Q8')
    for (const { error } of quantized) {
      expect(error!.relative).toBeGreaterThan(0)
      expect(error!.relative).toBeLessThan(limit)
    }
    const [before, after] = [await openWeights(whole), await openWeights(to)]
    for (const { name, error, to } of report.tensors) {
      const [a, b] = [await before.read(name), await after.read(name)]
      expect(after.entries().get(name)).toEqual({ shape: before.entries().get(name)!.shape, dtype: to })
      const largest = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
      expect(largest).toBeCloseTo(error!.largest, 6)
    }
  })

  it('loads what it quantised, compressed or as float32', async () => {
    const { to } = await converted(whole, { dtype: 'Q8' })
    const source = await openWeights(to)
    const table: TensorTable = [...source.entries()].map(([name, { shape }]) => ({ name, shape, init: { kind: 'zeros' } }))
    const seen: LoadedTensor[] = []
    await loadEach(table, source, (tensor) => void seen.push(tensor), { quantized: true })
    const matrix = seen.find(({ dtype }) => dtype === 'Q8')!
    const [outputs, inputs] = matrix.spec.shape
    expect(matrix).toMatchObject({ quantized: { outputs, inputs, bits: 8, group: 32 } })
    expect(Object.keys(await loadParams(table, source)).length).toBe(table.length)
  })

  it('cuts and merges a quantised model as it is', async () => {
    const { to: quantized } = await converted(whole, { dtype: 'Q4' })
    const { to: cut } = await converted(quantized, { shardBytes: 20_000 })
    const { to: merged } = await converted(cut, {})
    const values = async (folder: FolderSource) => {
      const source = await openWeights(folder)
      return Promise.all([...source.entries().keys()].sort().map(async (name) => [name, ...(await source.read(name))]))
    }
    expect(await values(merged)).toEqual(await values(quantized))
    expect(
      (await openWeights((await converted(cut, { dtype: 'F32' })).to)).entries().get('model.layers.0.self_attn.q_proj.weight')!
        .dtype,
    ).toBe('F32')
  })

  it('reports progress up to the end', async () => {
    const seen: number[] = []
    await converted(whole, {
      shardBytes: 60_000,
      onProgress: ({ writtenBytes, totalBytes }) => seen.push(writtenBytes / totalBytes),
    })
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('refuses what cannot be done, and leaves no file behind', async () => {
    const big = memoryFolder(
      'big',
      new Map([
        ['model.safetensors', await encodeSafetensors({ w: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 1e6) } })],
      ]),
    )
    const to = memoryFolder('to')
    await expect(convertModelFolder(big, to, { dtype: 'F16' })).rejects.toMatchObject({ rule: 'overflow', tensor: 'w' })
    await expect(convertModelFolder(big, to, { dtype: 'Q8', group: 33 })).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'group',
    })
    await expect(convertModelFolder(big, to, { dtype: 'F32', rest: 'F16' })).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'rest',
    })
    await expect(convertModelFolder(big, to, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    expect(to.files.size).toBe(0)
    await expect(convertModelFolder(big, big, {})).rejects.toMatchObject({ rule: 'target' })
  })
})
