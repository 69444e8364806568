/** A run.json over a JSONL file and a folder of pictures: trained, saved, evaluated, resumed, and asked. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RgbImage } from '@casa-js/core'
import { jsonlSamples, writeShards } from '@casa-js/data'
import { close, init, memory } from '@casa-js/tensor'
import { encodePng } from '@casa-js/vision'
import { ask, loadVlm } from '@casa-js/vlm'
import { openModelFolder } from '@casa-js/weights'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EvaluationEvent, RunEvent } from '../events.ts'
import { prepareRun, train } from '../node.ts'

const colours = { red: [200, 20, 20], blue: [20, 20, 200] } as const
const picture = (colour: keyof typeof colours): RgbImage => ({
  widthPx: 16,
  heightPx: 16,
  data: Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => colours[colour][i % 3]!),
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casa-own-'))
  for (const colour of Object.keys(colours) as (keyof typeof colours)[])
    await writeFile(join(folder, `${colour}.png`), await encodePng(picture(colour)))
  const rows = Array.from({ length: 12 }, (_, i) => ({
    id: `row-${i}`,
    task: 'colour',
    image: `${i % 2 ? 'red' : 'blue'}.png`,
    question: 'Which colour?',
    answer: i % 2 ? 'red' : 'blue',
  }))
  await writeFile(
    join(folder, 'rows.jsonl'),
    [...rows.map((row) => JSON.stringify(row)), '{"image": "missing.png", "question": "?", "answer": "?"}', 'not json'].join(
      '\n',
    ),
  )
  await writeFile(join(folder, 'words.mjs'), `export default () => ['Which colour? red', 'Which colour? blue']`)
  await writeFile(join(folder, 'run.json'), JSON.stringify(run))
})
afterAll(async () => {
  await close()
  await rm(folder, { recursive: true, force: true })
})

const run = {
  model: {
    config: {
      model_type: 'casa_vlm',
      text_config: {
        model_type: 'llama',
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        rms_norm_eps: 1e-6,
        rope_theta: 10000,
        max_position_embeddings: 128,
        tie_word_embeddings: true,
      },
      vision_config: {
        model_type: 'casa_vit',
        patch_size: 8,
        hidden_size: 16,
        depth: 1,
        num_heads: 2,
        intermediate_size: 32,
        spatial_merge_size: 1,
        out_hidden_size: 32,
      },
      fusion_config: { kind: 'casa' },
    },
    tokenizer: { corpus: { module: './words.mjs' }, vocabSize: 280 },
  },
  data: { jsonl: 'rows.jsonl' },
  batch: { textTokens: 64, imageTokens: 64 },
  steps: 40,
  schedule: { warmup: 2, cooldown: 5 },
  groups: [{ name: 'all', match: ['*'], learningRate: 0.01 }],
  checkpoint: { every: 10 },
  evaluate: { every: 20, data: [{ jsonl: 'rows.jsonl' }], examples: 4, maxNewTokens: 6, shown: 1 },
  device: 'wasm',
}

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

it('learns the colours of two pictures, resumes to the same bytes, and answers', { timeout: 240_000 }, async () => {
  const warnings: string[] = []
  const { options } = await prepareRun(join(folder, 'run.json'))
  const events = await collect(train({ ...options, onWarning: (message) => warnings.push(message) }))
  expect(warnings).toEqual([
    expect.stringMatching(/rows\.jsonl:13 is left out: .*missing\.png/),
    expect.stringMatching(/rows\.jsonl:14 is left out: .*not JSON/),
  ])
  const last = events.findLast((event): event is EvaluationEvent => event.kind === 'evaluation')!
  expect(last).toMatchObject({ step: 40, accuracy: { colour: { correct: 4, total: 4 } } })
  expect(last.loss).toBeLessThan(0.2)
  expect(last.examples.filter(({ pictures }) => pictures)).toHaveLength(1)
  expect(memory().tensors).toBe(0)

  const half = await prepareRun(join(folder, 'run.json'), { overrides: { out: join(folder, 'other') } })
  const controller = new AbortController()
  for await (const event of train({ ...half.options, signal: controller.signal }))
    if (event.kind === 'step' && event.step === 22) controller.abort()
  const resumed = await prepareRun(join(folder, 'run.json'), { overrides: { out: join(folder, 'other') }, resume: true })
  await collect(train(resumed.options))
  const model = (out: string) => readFile(join(out, 'model', 'model.safetensors'))
  expect((await model(join(folder, 'other'))).equals(await model(options.out))).toBe(true)

  await init({ device: 'wasm' })
  const vlm = await loadVlm(join(options.out, 'model'))
  expect(await ask(vlm, [picture('red')], 'Which colour?')).toBe('red')
  expect(await ask(vlm, [picture('blue')], 'Which colour?')).toBe('blue')
  vlm.dispose()
})

it('trains on shards, and resumes in the middle of one to the same bytes', { timeout: 120_000 }, async () => {
  const packed = jsonlSamples({ file: join(folder, 'rows.jsonl') })
  await writeShards(packed, { out: join(folder, 'shards'), maxExamples: 3 })
  const data = { shards: 'shards', buffer: 4 }
  const definition = {
    ...run,
    data,
    batch: { ...run.batch, textTokens: 16, perStep: 2 },
    steps: 8,
    evaluate: undefined,
    checkpoint: { every: 3 },
  }
  const prepare = (out: string, resume = false) =>
    prepareRun(join(folder, 'run.json'), { definition: { ...definition, out } as never, resume })
  const whole = await prepare('shards-whole')
  await collect(train(whole.options))

  const half = await prepare('shards-half')
  const controller = new AbortController()
  for await (const event of train({ ...half.options, signal: controller.signal }))
    if (event.kind === 'step' && event.step === 3) controller.abort()
  await collect(train((await prepare('shards-half', true)).options))
  const model = (out: string) => readFile(join(out, 'model', 'model.safetensors'))
  expect((await model(half.options.out)).equals(await model(whole.options.out))).toBe(true)
})

/** Continues from the model that the first test trained. */
it('starts from the encoder of another model, which stays as it was', { timeout: 120_000 }, async () => {
  const trained = join(folder, 'runs/run/model')
  const definition = {
    ...run,
    model: { ...run.model, from: { folder: trained, match: ['vision.*'] } },
    steps: 2,
    freeze: ['vision.*'],
    evaluate: undefined,
    seed: 5,
    out: 'from-encoder',
  }
  const { options } = await prepareRun(join(folder, 'run.json'), { definition: definition as never })
  await collect(train({ ...options, onWarning: () => {} }))
  const [before, after] = await Promise.all([trained, join(options.out, 'model')].map((path) => openModelFolder(path)))
  for (const name of before!.weights.entries().keys()) {
    const same = Buffer.from(await before!.weights.readBytes(name)).equals(Buffer.from(await after!.weights.readBytes(name)))
    if (name.endsWith('proj.weight') || name.endsWith('qkv.weight'))
      expect([name, same]).toEqual([name, name.startsWith('vision.')])
  }
  await Promise.all([before, after].map((opened) => opened!.weights.close()))

  const wrong = { ...definition, model: { ...definition.model, from: { folder: trained, match: ['visual.*'] } }, out: 'wrong' }
  const prepared = await prepareRun(join(folder, 'run.json'), { definition: wrong as never })
  await expect(collect(train({ ...prepared.options, onWarning: () => {} }))).rejects.toThrow(/"visual\.\*" matches none of the/)
})

it(
  'keeps the features of a frozen encoder: found or computed, they train to the same bytes, and to the losses of a run without',
  { timeout: 120_000 },
  async () => {
    const trained = join(folder, 'runs/run/model')
    const definition = { ...run, model: { folder: trained }, steps: 6, freeze: ['vision.*'], evaluate: undefined }
    const trainTo = async (out: string, extra: object) => {
      const { options } = await prepareRun(join(folder, 'run.json'), { definition: { ...definition, ...extra, out } as never })
      const events = await collect(train({ ...options, onWarning: () => {} }))
      const losses = events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []))
      return { end: events.at(-1), losses, model: await readFile(join(options.out, 'model', 'model.safetensors')) }
    }
    const without = await trainTo('uncached', {})
    const first = await trainTo('cached', { featureCache: { folder: 'features' } })
    const second = await trainTo('cached-again', { featureCache: { folder: 'features' } })
    expect(second.model.equals(first.model)).toBe(true)
    expect(second.losses).toEqual(first.losses)
    // Pictures are encoded by themselves here, and beside one another there: float32 rounds differently.
    expect(first.losses).toHaveLength(6)
    first.losses.forEach((loss, step) => expect(loss).toBeCloseTo(without.losses[step]!, 5))
    // Two pictures, in twelve rows.
    expect(without.end).not.toHaveProperty('features')
    expect(first.end).toMatchObject({ features: { misses: 2, stored: 2 } })
    expect(second.end).toMatchObject({ features: { misses: 0, stored: 0 } })
    expect(memory().tensors).toBe(0)

    await expect(trainTo('refused', { freeze: [], featureCache: { folder: 'features' } })).rejects.toThrow(
      /featureCache: the encoder's features change as it trains \(vision\./,
    )
  },
)

it('says what is wrong with a run before anything is written', async () => {
  const bad = join(folder, 'bad.json')
  await writeFile(
    bad,
    JSON.stringify({
      ...run,
      model: { ...run.model, config: { ...run.model.config, text_config: { ...run.model.config.text_config, vocab_size: 100 } } },
    }),
  )
  await expect(prepareRun(bad)).rejects.toThrow(/vocab_size: 100 rows for a tokenizer of 2\d\d tokens/)
  await writeFile(bad, '{')
  await expect(prepareRun(bad)).rejects.toThrow(/bad\.json: not JSON/)
  await expect(prepareRun(join(folder, 'none.json'))).rejects.toThrow(/none\.json: ENOENT/)
  await expect(prepareRun(join(folder, 'words.mjs'))).rejects.toThrow(/expected `export default defineRun/)
})
