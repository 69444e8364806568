/** A new model, some of whose weights are those of another. */
import { dispose, tensor, withoutLeaks } from '@casa-js/tensor'
import { describeOnDevices } from '@casa-js/testing'
import { expect, it } from 'vitest'
import { tinyConfig } from './fixtures/tiny.ts'
import { createModel } from './load.ts'
import type { VlmModel } from './model.ts'

const values = async (model: VlmModel, name: string) => [...(await model.params[name]!.data())]
const query = 'model.layers.0.self_attn.q_proj.weight'

await describeOnDevices('a model with known weights', () => {
  it('copies them, and starts its fusion from them', async () => {
    await withoutLeaks('two models', async () => {
      const other = createModel(tinyConfig, 2)
      const language = Object.fromEntries(Object.entries(other.params).filter(([name]) => name.startsWith('model.')))
      const made = createModel(tinyConfig, 1, { known: language })
      const fresh = createModel(tinyConfig, 1)
      expect(await values(made, query)).toEqual(await values(other, query))
      expect(await values(made, 'casa.layers.0.q_proj.weight')).toEqual(await values(other, query))
      const vision = Object.keys(made.params).find((name) => name.startsWith('vision.') && name.endsWith('proj.weight'))!
      expect(await values(made, vision)).toEqual(await values(fresh, vision))
      expect(await values(made, vision)).not.toEqual(await values(other, vision))
      for (const model of [other, made, fresh]) model.dispose()
    })
  })

  it('refuses one of another shape, and one that it has no place for', () => {
    const weight = tensor(new Float32Array(4), [2, 2])
    expect(() => createModel(tinyConfig, 1, { known: { [query]: weight } })).toThrow(
      /q_proj\.weight: the new model wants \[16, 16\]/,
    )
    expect(() => createModel(tinyConfig, 1, { known: { 'model.extra': weight } })).toThrow(
      /model\.extra: the new model has no such/,
    )
    dispose(weight)
  })
})
