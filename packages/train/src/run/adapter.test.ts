/** Training beside a frozen base that stays in bfloat16: the same updates as beside float32, resumed to the same bytes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { close, init } from '@casa-js/tensor'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { encodePng } from '@casa-js/vision'
import { adapt, createVlm, saveVlm } from '@casa-js/vlm'
import { fileSource, openModelFolder, openWeights, Safetensors } from '@casa-js/weights'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { prepareRun, train } from '../node.ts'

const text_config = {
  model_type: 'llama',
  vocab_size: 262,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
}
const vision_config = {
  model_type: 'casa_vit',
  patch_size: 8,
  hidden_size: 16,
  depth: 1,
  num_heads: 2,
  intermediate_size: 32,
  spatial_merge_size: 1,
  out_hidden_size: 32,
}
const files = {
  tokenizerJson: trainBpe([], { vocabSize: 262, specialTokens: readerTokens }),
  processorConfig: { chat: { name: 'casa-reader' } },
}

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-adapter-'))
  await init({ device: 'wasm' })
  for (const [name, config, dtype] of [
    ['language', text_config, 'BF16'],
    ['eyes', { model_type: 'casa_vlm', text_config, vision_config, fusion_config: { kind: 'casa' } }, 'F32'],
  ] as const) {
    const vlm = createVlm(config, 1, files)
    await saveVlm(vlm, at(name), { dtype })
    vlm.dispose()
  }
  await close()
  const options = { language: at('language'), vision: at('eyes'), fusion: {}, trainLanguage: false, trainedVisionBlocks: 1 }
  await adapt({ ...options, adapter: { name: 'language' } }, at('adapter'))
  await adapt({ ...options, dtype: 'F32' }, at('whole'))
  await writeFile(at('dot.png'), await encodePng({ widthPx: 16, heightPx: 16, data: new Uint8Array(768).map((_, i) => i % 251) }))
  await writeFile(at('rows.jsonl'), `{"image": "dot.png", "question": "What?", "answer": "dot"}\n`.repeat(4))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Trains for some updates, or up to a stop after one; -> the folder of the model */
async function run(name: string, model: object, { stopAfter, resume }: { stopAfter?: number; resume?: boolean } = {}) {
  const definition = {
    model,
    data: { jsonl: 'rows.jsonl' },
    batch: { textTokens: 64, imageTokens: 64 },
    steps: 4,
    groups: [{ name: 'all', match: ['*'], learningRate: 1e-2 }],
    save: 'F32',
    device: 'wasm',
    out: name,
  }
  const { options } = await prepareRun(at('run.json'), { definition: definition as never, resume })
  const stop = new AbortController()
  for await (const event of train({ ...options, signal: stop.signal }))
    if (event.kind === 'step' && event.step + 1 === stopAfter) stop.abort()
  return join(options.out, 'model')
}

it('beside a frozen bfloat16 base, makes the updates that it makes beside float32, and saves an adapter', async () => {
  const whole = await openWeights(await run('f32', { folder: 'whole' }))
  const adapter = await run('bf16', { folder: 'adapter', base: 'language' })
  const joined = await openModelFolder(adapter, { base: at('language') })
  expect(joined.adapter!.base.name).toBe('language')
  const start = await openModelFolder(at('adapter'), { base: at('language') })
  let moved = 0
  for (const [name, { dtype }] of joined.weights.entries()) {
    const [one, other, before] = [await joined.weights.read(name), await whole.read(name), await start.weights.read(name)]
    if (name.startsWith('model.')) {
      expect([name, dtype]).toEqual([name, 'BF16'])
      expect(one).toEqual(before)
      continue
    }
    moved += one.some((value, i) => Math.abs(value - before[i]!) > 1e-3) ? 1 : 0
    const worst = Math.max(...one.map((value, i) => Math.abs(value - other[i]!)))
    expect(worst, name).toBeLessThan(1e-3)
  }
  expect(moved).toBeGreaterThan(8)
  for (const weights of [whole, joined.weights, start.weights]) await weights.close()
}, 120_000)

it('goes on from a checkpoint, which holds only what trains, to the same bytes', async () => {
  await run('resumed', { folder: 'adapter', base: 'language' }, { stopAfter: 2 })
  const checkpoint = await Safetensors.open(await fileSource(at('resumed/checkpoints/step-00000002/weights.safetensors')))
  expect([...checkpoint.entries().keys()].some((name) => name.startsWith('model.'))).toBe(false)
  await checkpoint.close()
  await run('resumed', { folder: 'adapter', base: 'language' }, { resume: true })
  const bytes = (name: string) => readFile(at(`${name}/model/model.safetensors`))
  expect((await bytes('resumed')).equals(await bytes('bf16'))).toBe(true)
}, 120_000)
