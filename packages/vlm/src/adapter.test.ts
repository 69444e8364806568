/** What was trained alone travels alone: adapters made, loaded with their base, changed and saved. */
import type { RgbImage } from '@casa-js/base'
import { memoryFolder } from '@casa-js/weights'
import { scope, withoutLeaks } from '@casa-js/tensor'
import { describeOnDevices, randomIds, take } from '@casa-js/testing'
import { expect, it } from 'vitest'
import { adapt, type AdaptOptions } from './adapt.ts'
import { ask } from './conversation.ts'
import { picture, tinyConfig, tinyFiles, tinyVlm } from './fixtures/tiny.ts'
import { createVlm, loadVlm, saveVlm, type Vlm } from './load.ts'

/** A language model alone, and a vision-language model whose encoder is taken. */
async function sources(seed = 1) {
  const language = memoryFolder('language')
  const made = createVlm(tinyConfig.text_config, seed, tinyFiles)
  await saveVlm(made, language, { dtype: 'BF16' })
  made.dispose()
  const eyes = memoryFolder('eyes')
  const seeing = tinyVlm()
  await saveVlm(seeing, eyes)
  seeing.dispose()
  return { language, eyes }
}

const options = ({ language, eyes }: Awaited<ReturnType<typeof sources>>): AdaptOptions => ({
  language,
  vision: eyes,
  fusion: { norm_images: true },
  trainLanguage: false,
  trainedVisionBlocks: 1,
})

/** Of the same six tokens, perhaps with a picture before the third. */
const hidden = ({ model }: Vlm, image?: RgbImage) => {
  const ids = randomIds(6, 262)
  const patches = image ? [model.process(image)] : []
  const images = patches.map(({ grid }) => ({
    sample: 0,
    before: 2,
    tokens: model.vision!.tokens(grid),
    grid: model.vision!.outputGrid(grid),
  }))
  return take(scope(() => model.hidden({ ids, layout: { tokens: 6, cu: Int32Array.of(0, 6), images }, patches })))
}

await describeOnDevices('an adapter of a model', () => {
  it('is the same model as the whole one, and is saved as the same files again', async () => {
    const given = await sources()
    await withoutLeaks('two models', async () => {
      const [whole, adapter] = [memoryFolder('whole'), memoryFolder('adapter')]
      await adapt(options(given), whole)
      await adapt({ ...options(given), adapter: { name: 'hub:someone/language', revision: 'c0ffee' } }, adapter)
      expect([...adapter.files.keys()].sort()).toEqual([
        'adapter.json',
        'casa-folder.json',
        'config.json',
        'model.safetensors',
        'processor_config.json',
      ])
      expect(adapter.files.get('model.safetensors')!.length).toBeLessThan(whole.files.get('model.safetensors')!.length)

      const one = await loadVlm(whole)
      const other = await loadVlm(adapter, { base: given.language })
      expect(other.files.adapter!.base).toMatchObject({ name: 'hub:someone/language', revision: 'c0ffee' })
      expect(await hidden(other)).toEqual(await hidden(one))
      expect(await ask(other, [picture(1)], 'What?', { maxNewTokens: 4 })).toBe(
        await ask(one, [picture(1)], 'What?', { maxNewTokens: 4 }),
      )
      const again = memoryFolder('again')
      await saveVlm(other, again, { dtype: 'BF16' })
      expect([...again.files.keys()].sort()).toEqual([...adapter.files.keys()].sort())
      expect(JSON.parse(text(again, 'adapter.json'))).toEqual(JSON.parse(text(adapter, 'adapter.json')))

      // A weight of the base that was trained after all travels too.
      const name = Object.keys(other.files.adapter!.base.tensors)[0]!
      await saveVlm(other, again, { dtype: 'BF16', changed: [name] })
      expect(Object.keys(JSON.parse(text(again, 'adapter.json')).base.tensors)).not.toContain(name)
      const third = await loadVlm(again, { base: given.language })
      expect(await hidden(third)).toEqual(await hidden(one))
      for (const vlm of [one, other, third]) vlm.dispose()
    })
  })

  it('is refused beside another base, and leaves nothing behind', async () => {
    const [given, another] = [await sources(), await sources(2)]
    const adapter = memoryFolder('adapter')
    await adapt({ ...options(given), adapter: { name: 'language' } }, adapter)
    await withoutLeaks('a refused load', async () => {
      await expect(loadVlm(adapter, { base: another.language })).rejects.toMatchObject({ name: 'WeightError', rule: 'base' })
      await expect(loadVlm(adapter)).rejects.toThrow('this folder is an adapter for language')
    })
  })

  it('is not made where every weight trains', async () => {
    const given = await sources()
    const all = { ...options(given), trainLanguage: true, adapter: { name: 'language' } }
    await expect(adapt(all, memoryFolder('never'))).rejects.toThrow('adapter: every weight trains')
  })

  it('begins as exactly its language model, pictures or not, where the outputs of new layers start from zeros', async () => {
    const given = await sources()
    const [copies, zeros] = [memoryFolder('copies'), memoryFolder('zeros')]
    await adapt({ ...options(given), adapter: { name: 'language' } }, copies)
    await adapt({ ...options(given), adapter: { name: 'language' }, outputs: 'zeros' }, zeros)
    await withoutLeaks('three models', async () => {
      const alone = await loadVlm(given.language)
      const [doubled, silent] = [await loadVlm(copies, { base: given.language }), await loadVlm(zeros, { base: given.language })]
      expect(await hidden(silent)).toEqual(await hidden(alone))
      expect(await hidden(silent, picture(1))).toEqual(await hidden(alone))
      expect(await hidden(doubled)).not.toEqual(await hidden(alone))
      const queries = 'casa.layers.1.q_proj.weight'
      expect(await silent.model.params[queries]!.data()).toEqual(await doubled.model.params[queries]!.data())
      for (const vlm of [alone, doubled, silent]) vlm.dispose()
    })
  })

  it('gets a new projector where the encoder has another width', async () => {
    const given = await sources()
    const wide = memoryFolder('wide')
    const { vision_config } = tinyConfig
    const made = createVlm({ ...tinyConfig, text_config: { ...tinyConfig.text_config, hidden_size: 32 }, vision_config: { ...vision_config, out_hidden_size: 32 } }, 3, tinyFiles) // prettier-ignore
    await saveVlm(made, wide)
    made.dispose()
    const adapter = memoryFolder('adapter')
    const wideEyes = { ...options(given), vision: wide, trainedVisionBlocks: 0 }
    await expect(adapt(wideEyes, adapter)).rejects.toThrow('let its projector start anew')
    await adapt({ ...wideEyes, newProjector: { seed: 1 }, adapter: { name: 'language' } }, adapter)
    const { training } = JSON.parse(text(adapter, 'config.json'))
    expect(training.groups[0].match).toEqual(['casa.*', 'vision.merger.proj.weight', 'vision.merger.proj.bias'])
    expect(training.freeze).toContain('vision.blocks.0.attn.qkv.weight')
    expect(training.freeze.some((name: string) => name.includes('merger.proj'))).toBe(false)
    const vlm = await loadVlm(adapter, { base: given.language })
    expect(await ask(vlm, [picture(1)], 'What?', { maxNewTokens: 2 })).toEqual(expect.any(String))
    vlm.dispose()
  })
})

function text(folder: ReturnType<typeof memoryFolder>, file: string): string {
  return new TextDecoder().decode(folder.files.get(file))
}
