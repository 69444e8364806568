/** Models whose weights stay compressed: 16-bit floats two a word, and folders that were quantised by `casa convert`. */
import { init, memory, scope, shapeOf, valueAndGradients, withoutLeaks } from '@casa-js/tensor'
import { describeOnDevices, expectNear, randomIds, take } from '@casa-js/testing'
import { convertModelFolder, memoryFolder, pathFolder, type ConvertOptions } from '@casa-js/weights'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { loadModel, saveVlm, type LoadVlmOptions } from './load.ts'
import type { VlmModel } from './model.ts'
import { createSession } from './session.ts'

const goldens = {
  llama: fileURLToPath(new URL('../../backbones/fixtures/llama-helium1', import.meta.url)),
  qwen2_5_vl: fileURLToPath(new URL('../fixtures/qwen2_5_vl', import.meta.url)),
}
/** Width 48 has one and a half groups of 32: every row ends in the middle of one. */
const ids = randomIds(9, 97)
const grid = { rows: 2, columns: 4 }
const image = { grid, valuesPerPatch: 588, values: Float32Array.from({ length: 8 * 588 }, (_, i) => Math.sin(i)) }

/** Logits of every token, with a picture where the model sees pictures. */
function logitsOf(model: VlmModel): Promise<Float32Array> {
  const images = model.vision ? [{ sample: 0, before: 3, tokens: 2, grid: { rows: 1, columns: 2 } }] : []
  const layout = { tokens: 9, cu: Int32Array.of(0, 9), images }
  return take(scope(() => model.backbone.logits(model.hidden({ ids, layout, patches: model.vision ? [image] : [] }))))
}

async function greedy(model: VlmModel, count: number): Promise<{ said: number[]; logits: Float32Array[] }> {
  const session = createSession(model)
  const logits = [await session.append({ ids, images: model.vision ? [{ before: 3, patches: image }] : [] })]
  const said: number[] = []
  while (said.length < count) {
    said.push(logits.at(-1)!.reduce((best, value, id, all) => (value > all[best]! ? id : best), 0))
    logits.push(await session.append({ ids: Int32Array.of(said.at(-1)!), images: [] }))
  }
  session.dispose()
  return { said, logits }
}

const relativeError = (found: Float32Array, expected: Float32Array) =>
  found.reduce((worst, x, i) => Math.max(worst, Math.abs(x - expected[i]!)), 0) /
  expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)

async function converted(golden: string, options: ConvertOptions) {
  const folder = memoryFolder('converted')
  const report = await convertModelFolder(pathFolder(golden), folder, options)
  return { folder, ...report }
}

/** Use a model and free it; nothing may be left. */
function using<T>(
  folder: Parameters<typeof loadModel>[0],
  options: LoadVlmOptions,
  use: (model: VlmModel) => Promise<T>,
): Promise<T> {
  return withoutLeaks('a model', async () => {
    const model = await loadModel(folder, options)
    try {
      return await use(model)
    } finally {
      model.dispose()
    }
  })
}

await describeOnDevices('compressed weights', ({ device, forward }) => {
  /** Tokens of an answer; a WebGPU device may be imitated by the processor. */
  const length = device === 'webgpu' ? 2 : 6
  for (const [name, golden] of Object.entries(goldens)) {
    for (const dtype of ['BF16', 'F16'] as const) {
      it(`${name}: ${dtype} compressed in memory computes what it computes in float32, in half the bytes`, async () => {
        // In shards, so that matrices come from several files.
        const { folder, totalBytes } = await converted(golden, { dtype, shardBytes: 60_000 })
        const expected = await using(folder, {}, logitsOf)
        const before = memory().bytes
        let peak = 0
        const onProgress = () => void (peak = Math.max(peak, memory().bytes - before))
        await using(folder, { weights: 'compressed', onProgress }, async (model) => {
          const bytes = memory().bytes - before
          // Vectors, and the patch kernel with its five axes, are float32: twice their bytes in the file.
          const widened = Object.values(model.params).filter((t) => t.dtype === 'float32')
          expect(bytes).toBe(totalBytes + widened.reduce((sum, t) => sum + 2 * t.size, 0))
          expect(widened.every((t) => t.rank !== 2)).toBe(true)
          expect(peak).toBe(bytes)
          expectNear('logits', await logitsOf(model), expected, forward)
        })
      })
    }

    it(`${name}: int8 and int4 compute what their dequantised weights compute, near the original`, async () => {
      // What rounding many rows to 8 bits adds has tests of its own (packages/tensor/src/ops/quantized-linear/byte-product.test.ts).
      if (device === 'wasm') await init({ device, int8Activations: false })
      const original = await using(golden, {}, (model) => greedy(model, length))
      // On wasm and cpu alike: int8 at most 0.018 and the same answers, int4 at most 0.36 until the first other token.
      for (const [dtype, largest] of [
        ['Q8', 0.03],
        ['Q4', 0.5],
      ] as const) {
        // Everything: embedding and head too.
        const { folder, totalBytes } = await converted(golden, { dtype, keep: /^$/, rest: 'F32' })
        const widened = await using(folder, { weights: 'float32' }, async (model) => ({
          whole: await logitsOf(model),
          ...(await greedy(model, length)),
        }))
        const before = memory().bytes
        const found = await using(folder, {}, async (model) => {
          // Scales come two to a word.
          expect(memory().bytes - before).toBeGreaterThanOrEqual(totalBytes)
          expect(memory().bytes - before).toBeLessThan(totalBytes + 2 * Object.keys(model.params).length + 1)
          expectNear(`${dtype} logits`, await logitsOf(model), widened.whole, 4 * forward)
          return greedy(model, length)
        })
        expect(found.said).toEqual(widened.said)
        const errors = found.logits.map((logits, step) => relativeError(logits, original.logits[step]!))
        const same = found.said.findIndex((id, step) => id !== original.said[step])
        const comparable = errors.slice(0, same < 0 ? errors.length : same + 1)
        expect(Math.max(...comparable), `${dtype}: errors ${errors}`).toBeLessThan(largest)
        if (dtype === 'Q8') expect(found.said).toEqual(original.said)
      }
    })
  }

  it('a compressed model is saved as its values, and refuses to be trained', async () => {
    const { folder } = await converted(goldens.llama, { dtype: 'BF16' })
    const saved = memoryFolder('saved')
    const expected = await using(folder, { weights: 'compressed' }, async (model) => {
      const weight = model.params['model.layers.0.mlp.up_proj.weight']!
      expect(shapeOf(weight)).toEqual([80, 48])
      const batch = {
        ids,
        layout: { tokens: 9, cu: Int32Array.of(0, 9), images: [] },
        patches: [],
        targets: ids,
        weights: new Float32Array(9).fill(1),
      }
      expect(() => valueAndGradients(() => model.loss(batch), [weight])).toThrow(
        'compressed and cannot be trained: load it as float32',
      )
      await saveVlm({ model, files: { tokenizerJson: {} as never } }, saved, { dtype: 'BF16' })
      return logitsOf(model)
    })
    expectNear('logits', await using(saved, {}, logitsOf), expected, forward)
  })
})
