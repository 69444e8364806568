/** The same weights in another format. */
import { bf16FromFloat32, float32FromBf16 } from '@casa-js/base/internal'
import { scope } from '@casa-js/tensor'
import { loadModel } from '@casa-js/vlm'
import { openWeights } from '@casa-js/weights'
import type { Check } from './compare.ts'
import type { GoldenFiles } from './tree.ts'

/**
 * A checkpoint without a golden beside another with one: the same weights in another format (NAME-bf16-sharded beside NAME).
 * Every tensor must be the original's, rounded to bfloat16, and the model must run.
 */
export async function* verifyFormat(folder: GoldenFiles, original: GoldenFiles): AsyncGenerator<Check> {
  const [copy, source] = [await openWeights(folder.source), await openWeights(original.source)]
  let wrong: string | undefined
  for (const [name, { shape }] of source.entries()) {
    const rounded = float32FromBf16(bf16FromFloat32(await source.read(name)))
    const got = copy.entries().get(name)
    if (!got || String(got.shape) !== String(shape) || (await copy.read(name)).some((x, i) => x !== rounded[i])) wrong ??= name
  }
  await Promise.all([copy.close(), source.close()])
  yield {
    name: 'weights',
    error: wrong ? 1 : 0,
    tolerance: 0,
    note: wrong ? `differs first in ${wrong}` : 'equal to the original rounded to bfloat16',
  }

  const model = await loadModel(folder.source)
  const logits = scope(() => {
    const ids = Int32Array.from({ length: 8 }, (_, t) => t + 3)
    return model.backbone.logits(model.hidden({ ids, layout: { tokens: 8, cu: Int32Array.of(0, 8), images: [] }, patches: [] }))
  })
  const values = (await logits.data()) as Float32Array
  logits.dispose()
  model.dispose()
  yield { name: 'runs', error: values.every(Number.isFinite) ? 0 : 1, tolerance: 0 }
}
