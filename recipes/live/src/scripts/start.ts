/**
 * What training starts from: the reader's weights, with a token for each part of a sentence that captions repeat.
 *
 *     pnpm --filter @casa-js/live start            writes runs/live-start/casa, /ca, /ca-rotary and /insertion at the top of the checkout
 *     pnpm --filter @casa-js/live start --encoder model --out live-compared      the same, with the encoder of another model folder
 *
 * `--fresh` leaves the reader's CASA layers out: new ones start from self-attention, whatever their keys.
 *
 * A new token's row begins as the mean of those of the tokens that spell it. Frames are not standardised one by one, as the reader's
 * pictures are: that takes away the colours by which things are told apart.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { close, init, tensor } from '@casa-js/tensor'
import { parseTokenizer, type TokenizerJson } from '@casa-js/tokenizers'
import { createVlm, loadVlm, saveVlm, type Vlm } from '@casa-js/vlm'
import { captionTokens } from '../captions.ts'
import { livePrompt } from '../dataset.ts'
import { framePx } from '../stage.ts'
import { liveCapacityTokens } from '../watch.ts'

const { values } = parseArgs({
  options: {
    encoder: { type: 'string' },
    out: { type: 'string', default: 'live-start' },
    fresh: { type: 'boolean', default: false },
  },
})

const top = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))

/** The fusions that are compared, on the same backbone and encoder. */
const fusions: Record<string, Record<string, unknown>> = {
  casa: { kind: 'casa', keys: 'image+text', place: 'parallel', norm_images: true, windows: 'with-marks' },
  ca: { kind: 'casa', keys: 'image', place: 'parallel', norm_images: true, windows: 'with-marks' },
  'ca-rotary': { kind: 'casa', keys: 'image', rotary: true, place: 'parallel', norm_images: true, windows: 'with-marks' },
  insertion: { kind: 'insertion' },
}

/** The reader's tokenizer with tokens of several words: found in a text before anything else is. */
function extendTokenizer(json: TokenizerJson, vocabulary: number): TokenizerJson {
  const added = captionTokens.map((content, index) => ({ id: vocabulary + index, content, special: false, normalized: false }))
  return { ...json, added_tokens: [...(json.added_tokens ?? []), ...added] }
}

/** Rows [V, D] of the reader, then one a new token. */
async function extendEmbedding(reader: Vlm, name: string): Promise<Float32Array> {
  const old = reader.model.params[name]!
  const width = old.shape[1]!
  const rows = (await old.data()) as Float32Array
  const out = new Float32Array(rows.length + captionTokens.length * width)
  out.set(rows)
  captionTokens.forEach((text, index) => {
    const ids = reader.tokenizer.encode(text)
    const row = out.subarray(rows.length + index * width, rows.length + (index + 1) * width)
    for (const id of ids) for (let d = 0; d < width; d++) row[d]! += rows[id * width + d]! / ids.length
  })
  return out
}

/** Mean and deviation of training frames, of 1: what the reader's own standardising gives, but the same for all frames. */
const imageStatistics = { image_mean: [0.75, 0.73, 0.71], image_std: [0.2, 0.2, 0.2] }

await init({ device: 'cpu' })
const encoder = values.encoder === undefined ? undefined : await loadVlm(values.encoder, { weights: 'float32' })
const reader = await loadVlm(top('apps/cli/model'), { weights: 'float32' })
const text = reader.model.config.json.text_config as Record<string, unknown>
const vocabulary = text.vocab_size as number
const tokenizerJson = extendTokenizer(reader.files.tokenizerJson, vocabulary)
const embedding = Object.keys(reader.model.params).find((name) => name.endsWith('embed_tokens.weight'))!
const weights = {
  ...reader.model.params,
  ...Object.fromEntries(Object.entries(encoder?.model.params ?? {}).filter(([name]) => name.startsWith('vision.'))),
  [embedding]: tensor(await extendEmbedding(reader, embedding), [vocabulary + captionTokens.length, text.hidden_size as number]),
}
for (const [name, fusion] of Object.entries(fusions)) {
  const config = {
    ...reader.model.config.json,
    text_config: { ...text, vocab_size: vocabulary + captionTokens.length },
    // Frames of any size become those of training.
    vision_config: {
      ...(reader.model.config.json.vision_config as object),
      max_pixels: framePx ** 2,
      standardize_images: false,
    },
    fusion_config: fusion,
  }
  const captions = {
    prompt: livePrompt,
    prefix: '',
    frames_per_second: 2,
    max_tokens: 24,
    capacity_tokens: liveCapacityTokens,
    sampling: 'greedy',
  }
  const files = {
    ...reader.files,
    tokenizerJson,
    processorConfig: { ...reader.files.processorConfig, ...imageStatistics, captions },
  }
  // Insertion has no layers of its own.
  const wanted = (weight: string) => !weight.startsWith('casa.') || (!values.fresh && fusion.kind === 'casa')
  const known = Object.fromEntries(Object.entries(weights).filter(([weight]) => wanted(weight)))
  const vlm = createVlm(config, 1, files, { known })
  const folder = top(`runs/${values.out}/${name}`)
  await saveVlm(vlm, folder)
  const parameters = Object.values(vlm.model.params).reduce((sum, { size }) => sum + size, 0)
  console.log(`${folder}: ${parameters.toLocaleString('en')} parameters, ${parseTokenizer(tokenizerJson).vocabSize} tokens`)
  vlm.dispose()
}
reader.dispose()
encoder?.dispose()
await close()
