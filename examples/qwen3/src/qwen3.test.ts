import { casa } from '@casa-js/casa'
import type { Layout } from '@casa-js/core'
import { describeBackbone, describeOnDevices, expectNear, logitsOf, randomIds, randomParams } from '@casa-js/testing'
import { dispose, keep, tensor } from '@casa-js/tensor'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { qwen3 } from './qwen3.ts'

await describeBackbone(qwen3, { golden: fileURLToPath(new URL('../golden', import.meta.url)) })

await describeOnDevices("CASA over qwen3, sharing the blocks' projections", ({ forward }) => {
  it('is self-attention where there is no image, so the norms of q and k are shared too; an image changes what follows', async () => {
    const config = casa.parseConfig({ shared: true, place: 'replace' })
    const params = randomParams(qwen3.tensors(qwen3.tinyConfig()))
    const backbone = qwen3.bind(qwen3.tinyConfig(), params)
    const ids = randomIds(8, backbone.vocabSize)
    const fusion = casa.bind(config, {}, backbone)
    const image = keep(
      tensor(
        Float32Array.from({ length: 3 * backbone.width }, (_, i) => Math.sin(i)),
        [3, backbone.width],
      ),
    )
    const layout = (images: Layout['images']): Layout => ({ tokens: 8, cu: Int32Array.of(0, 8), images })

    const plain = await logitsOf(backbone, { ids })
    const withoutImage = await logitsOf(backbone, { ids, fuse: fusion.pass(layout([]), undefined).fuse! })
    expectNear('logits without an image', withoutImage, plain, 4 * forward, 'a fusion sees q and k without their norms')

    const slots = layout([{ sample: 0, before: 5, tokens: 3 }])
    const withImage = await logitsOf(backbone, { ids, fuse: fusion.pass(slots, image).fuse! })
    const before = 5 * backbone.vocabSize
    expectNear('logits before the image', withImage.subarray(0, before), plain.subarray(0, before), 4 * forward)
    expect(withImage.subarray(before), 'logits after the image').not.toEqual(plain.subarray(before))
    dispose(image, ...Object.values(params))
  })
})
