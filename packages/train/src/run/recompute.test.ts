/** Blocks of a whole model run again in the backward pass: the same gradients bit for bit, from less memory. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { close, dispose, init, memory, streamGradients, withoutLeaks } from '@casa-js/tensor'
import { encodePng } from '@casa-js/vision'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { groupWeights } from '../groups.ts'
import { prepareRun } from './prepare.node.ts'
import { createProgram, type VlmProgramOptions } from './vlm-program.node.ts'
import type { VlmProgram } from './vlm-program.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-recompute-'))
  const data = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 37) % 256)
  await writeFile(join(folder, 'picture.png'), await encodePng({ widthPx: 32, heightPx: 32, data }))
  const row = JSON.stringify({ image: 'picture.png', question: 'What is this, and why?', answer: 'a picture of noise' })
  await writeFile(join(folder, 'rows.jsonl'), `${row}\n${row}\n`)
  await writeFile(join(folder, 'words.mjs'), `export default () => ['What is this, and why? a picture of noise']`)
})
afterAll(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

const definition = (fusion: object) => ({
  model: {
    config: {
      model_type: 'casa_vlm',
      text_config: {
        model_type: 'llama',
        hidden_size: 32,
        intermediate_size: 96,
        num_hidden_layers: 4,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        max_position_embeddings: 256,
        tie_word_embeddings: true,
      },
      vision_config: {
        model_type: 'casa_vit',
        patch_size: 8,
        hidden_size: 32,
        depth: 3,
        num_heads: 2,
        intermediate_size: 96,
        spatial_merge_size: 1,
        out_hidden_size: 32,
      },
      fusion_config: fusion,
    },
    tokenizer: { corpus: { module: './words.mjs' }, vocabSize: 280 },
  },
  data: { jsonl: 'rows.jsonl' },
  batch: { textTokens: 128, imageTokens: 64 },
  steps: 1,
  recompute: true,
})

/** Gradients of one batch, and the most bytes that lived while they were handed over. */
async function gradientsOf(program: VlmProgram, recompute: boolean): Promise<{ gradients: Float32Array[]; peak: number }> {
  const weights = groupWeights(program.params, [{ name: 'all', match: ['*'], learningRate: 1 }]).map(({ tensor }) => tensor)
  const { batch } = await (await program.stream(0, 1)).next(0)
  const gradients: Float32Array[] = []
  const reads: Promise<void>[] = []
  let peak = 0
  const value = await withoutLeaks('a backward pass', async () => {
    const loss = streamGradients(
      () => program.loss(batch),
      weights,
      (i, gradient) => {
        peak = Math.max(peak, memory().bytes)
        reads.push(gradient.data().then((values) => void (gradients[i] = values as Float32Array)))
        dispose(gradient)
      },
      { recompute },
    )
    await Promise.all(reads)
    dispose(loss)
  })
  expect(value).toBeUndefined()
  return { gradients, peak }
}

it.each<[string, object, boolean]>([
  ['CASA', { kind: 'casa', keys: 'image+text', place: 'parallel' }, true],
  ['CASA that rewrites the image tokens in every block', { kind: 'casa', keys: 'image', ffn_updates: true }, false],
  ['insertion', { kind: 'insertion' }, true],
])('%s', async (_, fusion, isLess) => {
  const { device } = await init({ device: 'wasm' })
  expect(device).toBe('wasm')
  const { options } = await prepareRun(join(folder, 'run.json'), { definition: definition(fusion) })
  expect(options.loop.recompute).toBe(true)
  const warnings: string[] = []
  const program = await createProgram(options.program.options as VlmProgramOptions, { warn: (message) => warnings.push(message) })
  try {
    const stored = await gradientsOf(program, false)
    const again = await gradientsOf(program, true)
    expect(warnings).toEqual([])
    again.gradients.forEach((values, i) => expect(values, `gradient ${i}`).toEqual(stored.gradients[i]))
    expect(again.gradients.some((values) => values.some((value) => value !== 0))).toBe(true)
    if (isLess) expect(again.peak).toBeLessThan(0.7 * stored.peak)
    else expect(again.peak).toBeLessThan(stored.peak)
  } finally {
    await program.close?.()
  }
})
