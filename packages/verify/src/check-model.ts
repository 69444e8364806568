/**
 * Model folders: config.json and weights beside golden.safetensors. Taps, logits, loss, gradients and a cached greedy
 * continuation of a language model; the encoder's blocks, features, positions and logits too where there is one.
 */
import { planInsertion } from '@casa-js/casa'
import type { Layout, Patches } from '@casa-js/core'
import { crossEntropy, keep, scope, valueAndGradients, withoutLeaks, type Tensor } from '@casa-js/tensor'
import { createSession, loadModel, type SessionInput, type VlmModel } from '@casa-js/vlm'
import { exactly, relativeError, type Check, type Tolerances } from './compare.ts'
import { readAll } from './read-all.ts'
import type { Golden, GoldenFiles } from './tree.ts'

/** Greedy continuation, one cached token at a time. */
export async function continueGreedily(model: VlmModel, prompt: SessionInput, count: number): Promise<number[]> {
  const session = createSession(model, { capacityTokens: 512 })
  try {
    const ids: number[] = []
    for (
      let logits = await session.append(prompt);
      ;
      logits = await session.append({ ids: Int32Array.of(ids.at(-1)!), images: [] })
    ) {
      ids.push(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))))
      if (ids.length === count) return ids
    }
  } finally {
    session.dispose()
  }
}

export async function* verifyModel(folder: GoldenFiles, tolerances: Tolerances): AsyncGenerator<Check> {
  const golden = await folder.tensors()
  const model = await loadModel(folder.source)
  try {
    yield* golden.has('image_grid_thw') ? verifyInsertion(model, golden, tolerances) : verifyText(model, golden, tolerances)
  } finally {
    model.dispose()
    await golden.close()
  }
}

async function* verifyText(model: VlmModel, golden: Golden, { forward, gradient }: Tolerances): AsyncGenerator<Check> {
  const [B, T] = golden.shape('input_ids') as [number, number]
  const ids = await golden.integers('input_ids')
  const cu = Int32Array.from({ length: B + 1 }, (_, b) => b * T)
  const layout: Layout = { tokens: B * T, cu, images: [] }
  const targets = Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0)
  const weights = Float32Array.from(ids, (_, t) => ((t + 1) % T === 0 ? 0 : 1))

  const outputs = scope(() => {
    const out: Record<string, Tensor> = {}
    const hidden = model.hidden({ ids, layout, patches: [] }, { tap: (layer, x) => (out[`tap.layer.${layer}`] = x) })
    out.logits = model.backbone.logits(hidden)
    return out
  })
  for (const [name, values] of await readAll(outputs)) {
    yield { name, error: relativeError(values, await golden.floats(name)), tolerance: forward }
  }

  const names = golden.names().filter((name) => name.startsWith('grad.'))
  const params = names.map((name) => model.params[name.slice('grad.'.length)]!)
  const { value, gradients } = valueAndGradients(
    () => crossEntropy(model.backbone.logits(model.hidden({ ids, layout, patches: [] })), targets, weights),
    params,
  )
  const values = await readAll({ loss: value, ...Object.fromEntries(names.map((name, i) => [name, gradients[i]!])) })
  for (const [name, got] of values) {
    yield { name, error: relativeError(got, await golden.floats(name)), tolerance: name === 'loss' ? forward : gradient }
  }

  if (!golden.has('greedy_ids')) return
  const expected = await golden.integers('greedy_ids')
  const prompt = { ids: expected.slice(0, T), images: [] }
  const found = await withoutLeaks('cached greedy decoding', () => continueGreedily(model, prompt, expected.length - T))
  yield exactly('greedy_ids', found, expected.subarray(T))
}

async function* verifyInsertion(model: VlmModel, golden: Golden, { forward }: Tolerances): AsyncGenerator<Check> {
  const json = model.config.json as { image_token_id: number }
  const all = await golden.integers('input_ids')
  const grids = await golden.integers('image_grid_thw')
  const pixels = await golden.floats('pixel_values')
  const valuesPerPatch = golden.shape('pixel_values')[1]!
  const vision = model.vision!

  const patches: Patches[] = []
  for (let i = 0, row = 0; i < grids.length; i += 3) {
    const grid = { rows: grids[i + 1]!, columns: grids[i + 2]! }
    const count = grid.rows * grid.columns
    patches.push({ values: pixels.slice(row * valuesPerPatch, (row + count) * valuesPerPatch), grid, valuesPerPatch })
    row += count
  }
  const isImage = (id: number) => id === json.image_token_id
  const ids = all.filter((id) => !isImage(id))
  const images: Layout['images'] = []
  let text = 0
  all.forEach((id, at) => {
    if (!isImage(id)) text++
    else if (at === 0 || !isImage(all[at - 1]!)) {
      const { grid } = patches[images.length]!
      images.push({ sample: 0, before: text, tokens: vision.tokens(grid), grid: vision.outputGrid(grid) })
    }
  })
  const layout: Layout = { tokens: ids.length, cu: Int32Array.of(0, ids.length), images }

  const seen = scope(() => {
    const out: Record<string, Tensor> = {}
    const features = vision.encodeWithTaps!(patches, (name, value) => (out['tap.' + name] = keep(value)))
    out.image_features = features
    return out
  })
  for (const [name, values] of await readAll(seen)) {
    yield { name, error: relativeError(values, await golden.floats(name)), tolerance: forward }
  }

  const plan = planInsertion(layout, 3)
  const positions = (plan.positions as Int32Array[]).flatMap((row) => [...row])
  yield exactly('position_ids', positions, await golden.integers('position_ids'))
  yield exactly('rope_delta', [plan.nextPositions[0]! - all.length], await golden.integers('rope_delta'))

  const outputs = scope(() => {
    const out: Record<string, Tensor> = {}
    const hidden = model.hidden({ ids, layout, patches }, { tap: (layer, x) => (out[`tap.layer.${layer}`] = x) })
    out.logits = model.backbone.logits(hidden)
    return out
  })
  const V = model.backbone.vocabSize
  for (const [name, values] of await readAll(outputs)) {
    const expected = await golden.floats(name)
    // Logits are of text rows alone here; the original has rows of image tokens too.
    const rows =
      name === 'logits'
        ? Float32Array.from({ length: values.length }, (_, i) => expected[plan.textRows[Math.floor(i / V)]! * V + (i % V)]!)
        : expected
    yield { name, error: relativeError(values, rows), tolerance: forward }
  }

  const greedy = (await golden.integers('greedy_ids')).subarray(all.length)
  const prompt = { ids, images: patches.map((p, i) => ({ patches: p, before: images[i]!.before })) }
  const found = await withoutLeaks('cached greedy decoding', () => continueGreedily(model, prompt, greedy.length))
  yield exactly('greedy_ids', found, greedy)
}
