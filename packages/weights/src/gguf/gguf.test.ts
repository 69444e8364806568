import { readFile } from 'node:fs/promises'
import { areFiniteBlocks, dequantizeBlocks, dequantizeRows, multipliedBlocks } from '@casa-js/base/internal'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { memorySource } from '../bytes/source.ts'
import { fileSource } from '../files/fs.node.ts'
import { openModelFolder } from '../folder/model-folder.ts'
import { openWeights } from '../folder/open-weights.ts'
import { Safetensors } from '../safetensors/reader.ts'
import { convertModelFolder } from '../convert/convert.ts'
import { loadEach, type LoadedTensor, type RoundedTensor } from '../load/load-params.ts'
import { folderAt } from '../remote/address.ts'
import { openGguf } from './folder.ts'
import { readGgufHeader } from './header.ts'

const fixture = (name: string) => new URL(`../../fixtures/gguf/${name}`, import.meta.url).pathname
const golden = async (name: string) => Safetensors.open(await fileSource(fixture(name)))

describe('GGUF', () => {
  it('gives every value of every type as the Python package gguf does', async () => {
    const [file, expected] = [await openGguf(await fileSource(fixture('types.gguf'))), await golden('types.golden.safetensors')]
    expect([...file.entries().keys()].sort()).toEqual([...expected.entries().keys()].sort())
    for (const [name, { shape }] of expected.entries()) {
      expect(file.entries().get(name)!.shape).toEqual(shape)
      expect(await file.read(name), name).toEqual(await expected.read(name))
    }
    await Promise.all([file.close(), expected.close()])
  })

  it.each([
    ['Q8_0', 8],
    ['Q5_0', 8],
    ['Q4_0', 4],
  ] as const)('keeps %s as it is in %i bits', async (name, bits) => {
    const file = await openGguf(await fileSource(fixture('types.gguf')))
    const { scales, values, inputs, ...form } = await file.readQuantized(name)
    expect(form).toEqual({ outputs: 3, bits, group: 32 })
    expect(dequantizeRows({ values, scales: new Uint16Array(scales.buffer, 0, 24) }, inputs, form)).toEqual(await file.read(name))
    await file.close()
  })

  it.each(['Q4_1', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'])('rounds %s to 8 bits, within half a scale', async (name) => {
    const file = await openGguf(await fileSource(fixture('types.gguf')))
    const { scales, values, inputs, ...form } = await file.readQuantized(name)
    const rounded = dequantizeRows({ values, scales: new Uint16Array(scales.buffer, 0, 24) }, inputs, form)
    const exact = await file.read(name)
    for (let block = 0; block < 24; block++) {
      const part = exact.subarray(32 * block, 32 * block + 32)
      const limit = part.reduce((top, value) => Math.max(top, Math.abs(value)), 0) / 127 / 2
      part.forEach((value, i) => expect(Math.abs(value - rounded[32 * block + i]!)).toBeLessThanOrEqual(limit * 1.01))
    }
    await file.close()
  })

  it('says what was rounded in the loading, and by how much', async () => {
    const { weights } = await openModelFolder(fixture('llama.gguf'))
    const table = [...weights.entries()].map(([name, { shape }]) => ({ name, shape, init: { kind: 'zeros' as const } }))
    const rounded: RoundedTensor[] = []
    await loadEach(table, weights, () => {}, { quantized: true, onRounded: (tensor) => rounded.push(tensor) })
    expect(rounded.map(({ tensor, from }) => [tensor.split('.').at(-2), from])).toEqual([
      ['o_proj', 'Q4_1'],
      ['up_proj', 'Q5_1'],
    ])
    for (const { relativeError } of rounded) expect(relativeError).toBeGreaterThan(1e-4)
    for (const { relativeError } of rounded) expect(relativeError).toBeLessThan(0.01)
    await weights.close()
  })

  it('gives blocks that products read as they are in the file, in the order of our rows', async () => {
    const file = await openGguf(await fileSource(fixture('types.gguf')))
    const table = [...file.entries()].map(([name, { shape }]) => ({ name, shape, init: { kind: 'zeros' as const } }))
    const kept: string[] = []
    const onTensor = async (tensor: LoadedTensor) => {
      if (!('blocks' in tensor)) return
      kept.push(tensor.dtype)
      const { values, bytes } = multipliedBlocks[tensor.dtype]
      expect(dequantizeBlocks(tensor.blocks, tensor.dtype, values, bytes)).toEqual(await file.read(tensor.spec.name))
    }
    await loadEach(table, file, onTensor, { blocks: true })
    expect(kept.sort()).toEqual(['Q4_1', 'Q4_K', 'Q6_K'])
    await file.close()
  })

  it('refuses blocks with a scale that is not finite', async () => {
    const [type, bytes] = ['Q4_1', 20] as const
    const blocks = new Uint8Array(4 * bytes)
    expect(areFiniteBlocks(blocks, type)).toBe(true)
    blocks.set([0x00, 0x7c], 2 * bytes + 2)
    expect(areFiniteBlocks(blocks, type)).toBe(false)
  })

  it('opens as a model folder: config, tokenizer, template, weights in the order of rows of transformers', async () => {
    const model = await openModelFolder(fixture('llama.gguf'))
    expect(model.config).toMatchObject({
      model_type: 'llama',
      hidden_size: 64,
      head_dim: 16,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-5,
      rope_theta: 50_000,
      tie_word_embeddings: false,
      eos_token_id: 0,
      vocab_size: 267,
    })
    expect(model.chatTemplate).toContain('<|start|>')
    expect(model.tokenizerConfig).toMatchObject({ bos_token: '<|start|>', eos_token: '<|end|>' })
    expect(model.tokenizerJson).toMatchObject({ model: { type: 'BPE' }, added_tokens: [{ id: 0, special: true }, { id: 1 }] })
    const expected = await golden('llama.golden.safetensors')
    expect(new Set(model.weights.entries().keys())).toEqual(new Set(expected.entries().keys()))
    for (const name of expected.entries().keys()) expect(await model.weights.read(name), name).toEqual(await expected.read(name))
    await Promise.all([model.weights.close(), expected.close()])
  })

  it('converts to a model folder with the same values where they fit, and says the errors of the others', async () => {
    const to = memoryFolder('to')
    const report = await convertModelFolder(await folderAt(fixture('llama.gguf')), to)
    expect([...to.files.keys()]).toContain('chat_template.jinja')
    const [before, after] = [await openWeights(fixture('llama.gguf')), await openWeights(to)]
    for (const { name, from, to: stored, error } of report.tensors) {
      expect(stored).toBe(from)
      const [a, b] = [await before.read(name), await after.read(name)]
      const largest = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
      expect(largest).toBeCloseTo(error?.largest ?? 0, 6)
      if (/o_proj|up_proj/.test(name)) expect(error!.largest).toBeGreaterThan(0)
      else expect(largest).toBe(0)
    }
    await before.close()
  })

  it('reads a header that arrives in pieces', async () => {
    const file = await readFile(fixture('llama.gguf'))
    const whole = await readGgufHeader(memorySource('x', file))
    const long = new Uint8Array(8 << 20)
    long.set(file.subarray(0, 24))
    new DataView(long.buffer).setBigUint64(16, 1n, true)
    new DataView(long.buffer).setBigUint64(8, 0n, true)
    // One key with a text of 5 MB.
    const key = new TextEncoder().encode('k')
    new DataView(long.buffer).setBigUint64(24, 1n, true)
    long.set(key, 32)
    new DataView(long.buffer).setUint32(33, 8, true)
    new DataView(long.buffer).setBigUint64(37, 5_000_000n, true)
    long.fill(0x61, 45, 45 + 5_000_000)
    expect((await readGgufHeader(memorySource('x', long))).metadata.get('k')).toBe('a'.repeat(5_000_000))
    expect(whole.tensors.size).toBe(12)
  })
})

describe('a hostile GGUF file', () => {
  const open = async (change: (bytes: Uint8Array, view: DataView) => Uint8Array | void) => {
    const bytes = new Uint8Array(await readFile(fixture('types.gguf')))
    return openGguf(memorySource('x.gguf', change(bytes, new DataView(bytes.buffer)) ?? bytes))
  }
  it.each([
    ['format', 'another magic number', (b: Uint8Array) => void (b[0] = 0)],
    ['format', 'version 1', (b: Uint8Array) => void (b[4] = 1)],
    ['format', 'big-endian', (b: Uint8Array) => void b.set([0, 0, 0, 3], 4)],
    ['tensor-count', 'more tensors than there can be', (_: Uint8Array, v: DataView) => v.setBigUint64(8, 1n << 40n, true)],
    ['overflow', 'a count of 2^60', (_: Uint8Array, v: DataView) => v.setBigUint64(16, 1n << 60n, true)],
    ['header-size', 'a key of 2^40 bytes', (_: Uint8Array, v: DataView) => v.setBigUint64(24, 1n << 40n, true)],
    ['file-length', 'a file that was cut in its tensors', (b: Uint8Array) => b.slice(0, b.length - 400)],
    ['file-length', 'a file that was cut in its header', (b: Uint8Array) => b.slice(0, 100)],
    ['file-length', 'an empty file', () => new Uint8Array(0)],
  ] as const)('%s: refuses %s', async (rule, _, change) => {
    await expect(open(change)).rejects.toMatchObject({ name: 'WeightError', rule, file: 'x.gguf' })
  })

  it('is refused by name for an architecture that we do not have', async () => {
    const bytes = await readFile(fixture('llama.gguf'))
    const at = bytes.indexOf('llama')
    bytes.write('mamba', at)
    await expect(openModelFolder(await folderOfBytes(bytes))).rejects.toThrow(
      /general.architecture: expected one of llama, qwen2, qwen2vl, found "mamba"/,
    )
  })
})

async function folderOfBytes(bytes: Uint8Array) {
  const { ggufFolder } = await import('./folder.ts')
  return ggufFolder(memoryFolder('m', new Map([['x.gguf', bytes]])), 'x.gguf')
}
