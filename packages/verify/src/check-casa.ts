/**
 * CASA variants: folders with case.json, casa.safetensors and golden.safetensors beside a backbone/ folder.
 * Taps, logits, loss, and gradients of the layer's weights, the image tokens and the backbone; then the same logits once more by
 * streaming, window after window through the caches.
 */
import { type Layout, type Params } from '@casa-js/core'
import { createSequence } from '@casa-js/sequence'
import { crossEntropy, gatherRows, keep, scope, tensor, valueAndGradients, withoutLeaks, type Tensor } from '@casa-js/tensor'
import type { VlmModel } from '@casa-js/vlm'
import { bindVlm, parseVlmConfig } from '@casa-js/vlm/internal'
import { casa } from '@casa-js/casa'
import { openModelFolder } from '@casa-js/weights'
import { relativeError, type Check, type Tolerances } from './compare.ts'
import { readAll } from './read-all.ts'
import type { Golden, GoldenFiles } from './tree.ts'

/** A sample of case.json: a number is a run of text tokens, ["image", n] an image of n tokens. */
type Part = number | ['image', number]

export interface CasaCase {
  model: VlmModel
  layout: Layout
  ids: Int32Array
  images: Float32Array
  /** Next token of each token, and whether it counts. */
  targets: Int32Array
  counted: Float32Array
}

export function layoutOf(samples: Part[][]): Layout {
  const cu = [0]
  const images: Layout['images'] = []
  let tokens = 0
  samples.forEach((parts, sample) => {
    for (const part of parts) {
      if (typeof part === 'number') tokens += part
      else images.push({ sample, before: tokens, tokens: part[1] })
    }
    cu.push(tokens)
  })
  return { tokens, cu: Int32Array.from(cu), images }
}

/** The model and inputs of a variant's folder. The caller disposes the model. */
export async function loadCase(folder: GoldenFiles, golden: Golden): Promise<CasaCase> {
  const { config: fusion, samples } = await folder.json<{ config: unknown; samples: Part[][] }>('case.json')
  const backbone = await openModelFolder(folder.beside('backbone').source)
  const added = await folder.tensors('casa.safetensors')
  const params: Params = {}
  const take = async (name: string, shape: number[], values: Promise<Float32Array>) => {
    params[name] = keep(tensor(await values, shape))
  }
  for (const [name, { shape }] of backbone.weights.entries()) await take(name, shape, backbone.weights.read(name))
  for (const name of added.names().filter((n) => n !== 'empty')) await take(name, added.shape(name), added.floats(name))
  await Promise.all([backbone.weights.close(), added.close()])
  const config = {
    ...parseVlmConfig(backbone.config),
    fusion: { family: casa, config: casa.parseConfig(fusion, `${folder.name}/case.json: config`) },
  }
  const ids = await golden.integers('input_ids')
  return {
    model: bindVlm(config, params),
    layout: layoutOf(samples),
    ids,
    images: await golden.floats('images'),
    targets: Int32Array.from(ids, (_, t) => ids[(t + 1) % ids.length]!),
    counted: Float32Array.from(await golden.integers('counted')),
  }
}

export async function* verifyCasa(folder: GoldenFiles, { forward, gradient }: Tolerances): AsyncGenerator<Check> {
  const golden = await folder.tensors()
  const loaded = await loadCase(folder, golden)
  const { model, layout, ids, targets, counted } = loaded
  const images = keep(tensor(loaded.images, golden.shape('images')))
  try {
    const outputs = scope(() => {
      const out: Record<string, Tensor> = {}
      const hidden = model.hidden({ ids, layout, patches: [] }, { images, tap: (layer, x) => (out[`tap.layer.${layer}`] = x) })
      return { ...out, logits: model.backbone.logits(hidden) }
    })
    for (const [name, values] of await readAll(outputs)) {
      yield { name, error: relativeError(values, await golden.floats(name)), tolerance: forward }
    }

    const names = golden.names().filter((name) => name.startsWith('grad.'))
    const wanted = names.map((name) => (name === 'grad.images' ? images : model.params[name.slice('grad.'.length)]!))
    const loss = () =>
      crossEntropy(model.backbone.logits(model.hidden({ ids, layout, patches: [] }, { images })), targets, counted)
    const { value, gradients } = valueAndGradients(loss, wanted)
    const computed = await readAll({ loss: value, ...Object.fromEntries(names.map((name, i) => [name, gradients[i]!])) })
    for (const [name, values] of computed) {
      const tolerance = name === 'loss' ? forward : gradient
      yield { name, error: relativeError(values, await golden.floats(name)), tolerance }
    }

    const streamed = await withoutLeaks('streaming', () => stream(loaded, images))
    yield { name: 'streaming', error: relativeError(streamed, await golden.floats('logits')), tolerance: forward }
  } finally {
    images.dispose()
    model.dispose()
    await golden.close()
  }
}

/** Logits of every text token, each sample by itself, two tokens at a time, with the KV cache and the fusion's state. */
async function stream({ model, layout, ids }: CasaCase, images: Tensor): Promise<Float32Array> {
  const { backbone, fusion } = model
  const rows: number[] = []
  const firstRow = layout.images.map((_, i) => layout.images.slice(0, i).reduce((sum, image) => sum + image.tokens, 0))
  for (let sample = 0; sample + 1 < layout.cu.length; sample++) {
    const [begin, end] = [layout.cu[sample]!, layout.cu[sample + 1]!]
    const sequence = createSequence(backbone, fusion, { capacityTokens: end - begin })
    for (let t = begin; t < end; t += 2) {
      const stop = Math.min(t + 2, end)
      const here = layout.images.flatMap((slot, i) =>
        slot.sample === sample && slot.before >= t && slot.before < stop ? [{ slot, first: firstRow[i]! }] : [],
      )
      const order = here.flatMap(({ slot, first }) => Array.from({ length: slot.tokens }, (_, i) => first + i))
      const logits = scope(() => {
        const hidden = sequence.advance({
          ids: ids.subarray(t, stop),
          slots: here.map(({ slot }) => ({ ...slot, sample: 0, before: slot.before - t })),
          ...(order.length > 0 && { images: gatherRows(images, Int32Array.from(order)) }),
        })
        const out = keep(backbone.logits(hidden))
        hidden.dispose()
        return out
      })
      rows.push(...((await logits.data()) as Float32Array))
      logits.dispose()
    }
    sequence.dispose()
  }
  return Float32Array.from(rows)
}
