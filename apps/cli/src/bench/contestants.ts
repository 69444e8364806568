/**
 * What `casa bench stream` compares: six ways to show a language model its frames, on two shapes. Weights are random, since time and
 * memory do not depend on them.
 */
import { readFileSync } from 'node:fs'
import { readerTokens, trainBpe } from '@casa-js/tokenizers'
import { initialValues, type Params, type TensorSpec } from '@casa-js/core'
import { keep, tensor } from '@casa-js/tensor'
import { createVlm, type Vlm, type VlmFiles } from '@casa-js/vlm'
import { allTensors, bindVlm, parseVlmConfig, withFiles } from '@casa-js/vlm/internal'
import { shippedModel } from '../shipped.ts'
import { gpuShapes } from './gpu-shapes.ts'
import { randomParams } from './random-params.ts'

export interface Shape {
  description: string
  /** Side of a frame. */
  framePx: number
  /** Side of the part of a frame that is one token. */
  tokenPx: number
  /** Tokens of a frame after the Q-Former: an eighth to a quarter of its image tokens, as 128 are of the paper's 1,024. */
  queries: number
  /** How the matrices of the language model and of the fusion are stored. */
  weights: 'float32' | 'bf16' | 'int8'
  text: Record<string, unknown>
  vision: Record<string, unknown>
}

const shipped = JSON.parse(readFileSync(`${shippedModel}/config.json`, 'utf8')) as Record<string, Record<string, unknown>>

const helium = gpuShapes['helium-1-2b']

export const shapes = {
  shipped: {
    description: 'the shipped model: 4 layers, width 192, 36 image tokens per frame',
    framePx: 96,
    tokenPx: 16,
    queries: 8,
    weights: 'float32',
    text: shipped.text_config!,
    vision: shipped.vision_config!,
  },
  'helium-cut': {
    description:
      "4 layers of Helium-1-2b's width (2048, 16 query and 8 KV heads of 128, FFN 8192), matrices in int8, 36 image tokens per frame, 320 words",
    framePx: 96,
    tokenPx: 16,
    queries: 8,
    weights: 'int8',
    text: { ...helium, vocab_size: 320, num_hidden_layers: 4, tie_word_embeddings: true },
    vision: { ...shipped.vision_config, out_hidden_size: 2048 },
  },
  'helium-1-2b': {
    description:
      'Helium-1-2b (28 layers, width 2048, 16 query and 8 KV heads of 128, FFN 8192, 64,000 words) in bf16, with the encoder of Qwen2.5-VL ' +
      '(32 layers, width 1280) in float32 on frames of 896 px: 1,024 image tokens per frame. For a GPU',
    framePx: 896,
    tokenPx: 28,
    queries: 128,
    weights: 'bf16',
    text: helium,
    vision: {
      model_type: 'qwen2_5_vl',
      depth: 32,
      hidden_size: 1280,
      num_heads: 16,
      intermediate_size: 3420,
      out_hidden_size: 2048,
      patch_size: 14,
      spatial_merge_size: 2,
      temporal_patch_size: 2,
      window_size: 112,
      fullatt_block_indexes: [7, 15, 23, 31],
      in_channels: 3,
    },
  },
} satisfies Record<string, Shape>
export type ShapeName = keyof typeof shapes

interface Contestant {
  label: string
  fusion: Record<string, unknown>
  /** Image tokens go through a Q-Former. */
  compressed?: boolean
}

const casa = { kind: 'casa', keys: 'image+text', place: 'parallel', norm_images: true, windows: 'with-marks' }

/** In the order of tables. */
export const contestants = {
  casa: { label: 'CASA', fusion: casa },
  shared: { label: 'CASA, shared', fusion: { ...casa, shared: true } },
  ca: { label: 'cross-attention', fusion: { ...casa, keys: 'image' } },
  replace: { label: 'replace, n = 2', fusion: { ...casa, place: 'replace', every: 2 } },
  'q-former': { label: 'Q-Former insertion', fusion: { kind: 'insertion' }, compressed: true },
  insertion: { label: 'insertion', fusion: { kind: 'insertion' } },
} satisfies Record<string, Contestant>
export type ContestantName = keyof typeof contestants

/** Any text will do: a token per byte, and a mark on both sides of a frame as in the paper's template. */
const vocabulary = 262
const files: VlmFiles = {
  tokenizerJson: trainBpe([], { vocabSize: vocabulary, specialTokens: [...readerTokens.slice(0, 5), '<|look|>'] }),
  chatTemplate:
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}" +
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
  processorConfig: { chat: { image: { before: '<|look|>', after: '<|image|>' }, stop: ['<|end|>'] } },
}

/**
 * A model to measure; the caller disposes it.
 * @param capacityTokens most positions that its cache may hold
 */
export function createContestant(name: ContestantName, shape: Shape, capacityTokens: number): Vlm {
  const { fusion, compressed }: Contestant = contestants[name]
  const { queries, weights, text, vision } = shape
  const config = {
    model_type: 'casa_vlm',
    text_config: { ...text, max_position_embeddings: capacityTokens },
    vision_config: vision,
    fusion_config: fusion,
    ...(compressed && {
      compressor_config: { kind: 'q-former', num_queries: queries, num_layers: 2, num_heads: text.num_attention_heads },
    }),
  }
  if (weights === 'float32') return createVlm(config, 1, files)
  const parsed = parseVlmConfig(config)
  const table = allTensors(parsed)
  const isOfText = ({ name }: TensorSpec) => !/^(vision|compressor)\./.test(name)
  const matrices = table.filter(({ shape }) => shape.length === 2)
  const params: Params = randomParams(matrices.filter(isOfText), weights)
  // Drawing half a billion numbers one by one would take minutes.
  const others = matrices.filter((spec) => !isOfText(spec))
  if (weights === 'bf16') Object.assign(params, randomParams(others, 'float32'))
  for (const spec of table) params[spec.name] ??= keep(tensor(initialValues(spec, 1), [...spec.shape]))
  return withFiles(bindVlm(parsed, params), files)
}
