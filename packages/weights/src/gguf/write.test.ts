import { describe, expect, it } from 'vitest'
import { memorySink } from '../bytes/sink.ts'
import { memoryFolder } from '../bytes/folder.ts'
import { fileSource } from '../files/fs.node.ts'
import { openModelFolder, type ModelFolder } from '../folder/model-folder.ts'
import { Safetensors } from '../safetensors/reader.ts'
import { ggufFolder } from './folder.ts'
import { quantizeBlocks } from './quantize.ts'
import { writeGguf, type WriteGgufOptions } from './write.ts'

const fixture = (name: string) => new URL(`../../fixtures/gguf/${name}`, import.meta.url).pathname

async function written(model: ModelFolder, options: WriteGgufOptions) {
  const sink = memorySink('x.gguf')
  const tensors = await writeGguf(model, sink, options)
  return { tensors, model: await openModelFolder(ggufFolder(memoryFolder('m', new Map([['x.gguf', sink.bytes()]])), 'x.gguf')) }
}

describe('writing GGUF', () => {
  it.each(['Q8_0', 'Q4_0', 'Q4_1'] as const)('quantises to %s byte for byte as the Python package gguf', async (type) => {
    const golden = await Safetensors.open(await fileSource(fixture('quantized.golden.safetensors')))
    expect(quantizeBlocks(await golden.read('source'), type)).toEqual(await golden.readBytes(type))
    await golden.close()
  })

  it('gives back config, tokenizer, template and, in F32, every value', async () => {
    const original = await openModelFolder(fixture('llama.gguf'))
    const { model } = await written(original, { type: 'F32' })
    expect(model.config).toEqual(original.config)
    expect(model.tokenizerJson).toEqual(original.tokenizerJson)
    expect(model.tokenizerConfig).toMatchObject({ bos_token: '<|start|>', eos_token: '<|end|>', add_bos_token: false })
    expect(model.chatTemplate).toBe(original.chatTemplate)
    expect(new Set(model.weights.entries().keys())).toEqual(new Set(original.weights.entries().keys()))
    for (const name of original.weights.entries().keys())
      expect(await model.weights.read(name), name).toEqual(await original.weights.read(name))
    await original.weights.close()
  })

  it.each(['Q8_0', 'Q4_0', 'Q4_1', 'F16', 'BF16'] as const)('says the error of every tensor as %s', async (type) => {
    const original = await openModelFolder(fixture('llama.gguf'))
    const { model, tensors } = await written(original, { type })
    expect(tensors.filter(({ shape }) => shape.length === 2).every((tensor) => tensor.type === type)).toBe(true)
    for (const { name, shape, error } of tensors) {
      if (shape.length < 2) expect(error.largest).toBe(0)
      expect(error.relative, name).toBeLessThan({ Q8_0: 0.01, Q4_0: 0.15, Q4_1: 0.12, F16: 1e-3, BF16: 1e-2 }[type])
    }
    const name = 'model.layers.0.mlp.down_proj.weight'
    const [a, b] = [await original.weights.read(name), await model.weights.read(name)]
    const largest = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
    expect(largest).toBeCloseTo(tensors.find((tensor) => tensor.name === 'blk.0.ffn_down.weight')!.error.largest, 6)
    await original.weights.close()
  })

  it('leaves matrices of other widths in F16, and refuses what the format has no name for', async () => {
    const original = await openModelFolder(fixture('llama.gguf'))
    const odd = { ...original, config: { ...(original.config as object), model_type: 'helium' } }
    await expect(written(odd, {})).rejects.toMatchObject({ name: 'ConfigError', path: 'config.json: model_type' })
    const entries = new Map([['visual.patch.weight', { shape: [2, 3], dtype: 'F32' as const }]])
    const strange = {
      ...original,
      weights: Object.assign(Object.create(original.weights) as typeof original.weights, { entries: () => entries }),
    }
    await expect(written(strange, {})).rejects.toMatchObject({ rule: 'names', tensor: 'visual.patch.weight' })
    await original.weights.close()
  })
})
