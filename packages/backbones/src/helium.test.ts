import { dispose, scope, sum, valueAndGradients } from '@casa-js/tensor'
import { describeBackbone, describeOnDevices, randomParams, take } from '@casa-js/testing'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { helium } from './helium.ts'

await describeBackbone(helium, { golden: fileURLToPath(new URL('../fixtures/helium', import.meta.url)) })

await describeOnDevices('the padding token', () => {
  it('is read like any other and gets no gradient, as in PyTorch', async () => {
    const config = { ...helium.tinyConfig(), padToken: 3 }
    const params = randomParams(helium.tensors(config))
    const backbone = helium.bind(config, params)
    const table = params['model.embed_tokens.weight']!
    const plain = helium.bind({ ...config, padToken: undefined }, params)
    const ids = Int32Array.of(5, 3, 7)
    expect(await take(scope(() => backbone.embed(ids)))).toEqual(await take(scope(() => plain.embed(ids))))
    const { value, gradients } = valueAndGradients(() => sum(backbone.embed(ids)), [table])
    const rows = await take(gradients[0]!)
    const row = (id: number) => [...new Set(rows.subarray(id * config.width, (id + 1) * config.width))]
    expect([row(5), row(3), row(7)]).toEqual([[1], [0], [1]])
    dispose(value, ...Object.values(params))
  })
})
