import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../bytes/folder.ts'
import { tensorsInMemory } from '../safetensors/writer.ts'
import { openModelFolder } from './model-folder.ts'
import { writeModelFolder } from './write-model-folder.ts'

const weights = tensorsInMemory({ w: { dtype: 'BF16', shape: [2], data: Float32Array.of(1, 2) } })
const text = (value: string) => new TextEncoder().encode(value)

describe('a model folder', () => {
  it('reads back as it was written', async () => {
    const path = await mkdtemp(join(tmpdir(), 'casa-model-'))
    const model = {
      config: { model_type: 'casa' },
      tokenizerJson: { version: '1.0' },
      processorConfig: { size: 3 },
      chatTemplate: '{{ é }}',
    }
    await writeModelFolder(path, { ...model, weights })
    expect((await readdir(path)).sort()).toEqual([
      'casa-folder.json',
      'chat_template.jinja',
      'config.json',
      'model.safetensors',
      'processor_config.json',
      'tokenizer.json',
    ])
    const opened = await openModelFolder(path)
    expect(opened).toMatchObject(model)
    expect(opened.tokenizerConfig).toBeUndefined()
    expect(opened.weights.metadata).toEqual({ format: 'pt' })
    expect([...(await opened.weights.read('w'))]).toEqual([1, 2])
    await opened.weights.close()
    await rm(path, { recursive: true })
  })

  it('opens what transformers saved', async () => {
    const opened = await openModelFolder(new URL('../../fixtures/llama-helium1-bf16-sharded', import.meta.url).pathname)
    expect(opened.config).toMatchObject({ model_type: 'llama', hidden_size: 48 })
    await opened.weights.close()
  })

  it('takes the older places of the template and the processor', async () => {
    const folder = memoryFolder('m')
    await writeModelFolder(folder, { config: {}, weights })
    folder.files.set('preprocessor_config.json', text('{"size":4}'))
    folder.files.set(
      'tokenizer_config.json',
      text('{"chat_template":[{"name":"tool_use","template":"a"},{"name":"default","template":"b"}]}'),
    )
    expect(await openModelFolder(folder)).toMatchObject({ processorConfig: { size: 4 }, chatTemplate: 'b' })
  })

  it('says what is missing or broken', async () => {
    const folder = memoryFolder('m')
    await expect(openModelFolder(folder)).rejects.toThrow('m: config.json is missing')
    folder.files.set('config.json', text('{'))
    await expect(openModelFolder(folder)).rejects.toThrow('m/config.json: not JSON')
    folder.files.set('config.json', text('{}'))
    await expect(openModelFolder(folder)).rejects.toThrow('neither model.safetensors nor')
    await expect(openModelFolder('/nowhere/at/all')).rejects.toThrow('/nowhere/at/all: config.json is missing')
  })
})
