/**
 * A config from the shapes of a checkpoint alone, for one that comes without config.json, or with one that nobody can read.
 *
 *   embedding [V, D]   blocks of q [Q, D], k, v [K, D], o [D, Q], gate, up [F, D], down [D, F]   CASA layers of the attention's shapes
 *   encoder: blocks of qkv [3W, W], proj [W, W], gate, up [I, W], down [W, I]; a projector into D
 *
 * Shapes fit several readings (an output [D, Q] looks like a down projection), so all that are possible become configs, and the one whose
 * table leaves least unexplained is taken. Heads, norms' epsilons and rotary bases are in no shape: `unknown` lists them.
 */
import { ConfigError } from '@casa-js/base'
import { detectTensors, type Detection, type Template, type Tensors } from '@casa-js/weights'
import { templatesOf } from '@casa-js/weights/internal'
import { parseVlmConfig } from './config.ts'
import { allTensors } from './load.ts'

export interface InferOptions {
  /** Query heads of the language model. Without it `config` holds a guess. */
  heads?: number | undefined
}

export interface InferredModel {
  /** config.json as far as shapes tell. Fields that no shape tells have their family's defaults, or guesses. */
  config: Record<string, unknown>
  detection: Detection
  /** What the config cannot be trusted in. */
  unknown: string[]
}

type Json = Record<string, unknown>

/** Templates with a common path up to their first number: the blocks of a model, or the layers of a part of it. */
interface Stack {
  indices: number[]
  templates: Template[]
}

/**
 * Finds the config whose tensors explain a checkpoint best.
 *
 * @param entries names and shapes of the checkpoint
 * @throws ConfigError when nothing in it looks like a language model, or its queries cannot be cut into so many heads
 */
export function inferModel(entries: Tensors, { heads }: InferOptions = {}): InferredModel {
  const templates = templatesOf(entries)
  const stacks = stacksOf(templates)
  const embedding = embeddingOf(templates)
  if (!embedding) throw new ConfigError('checkpoint', 'no tensor looks like the embedding of a language model: give --config')
  const candidates: { config: Json; detection: Detection }[] = []
  let refused: unknown
  for (const config of configsOf(templates, stacks, embedding, heads))
    try {
      candidates.push({ config, detection: detectTensors(allTensors(parseVlmConfig(config)), entries) })
    } catch (error) {
      if (!ConfigError.isInstance(error)) throw error
      refused ??= error
    }
  if (candidates.length === 0)
    throw new ConfigError(
      heads === undefined ? 'checkpoint' : '--heads',
      heads === undefined
        ? 'no numbered tensors look like the blocks of a language model: give --config'
        : `no queries and keys of this checkpoint can be cut into ${heads} heads`,
      { cause: refused },
    )
  const best = candidates.reduce((one, other) => (lossOf(other.detection) < lossOf(one.detection) ? other : one))
  return { ...best, unknown: unknownOf(best.config, heads !== undefined) }
}

/** Tensors left on both sides. */
function lossOf({ missing, unexplained }: Detection): number {
  return [...missing, ...unexplained].reduce((sum, { members }) => sum + members.size, 0)
}

function stacksOf(templates: readonly Template[]): Stack[] {
  const byPath = new Map<string, Template[]>()
  for (const template of templates.filter(({ name }) => name.split('.').includes('*'))) {
    const parts = template.name.split('.')
    const path = parts.slice(0, parts.indexOf('*')).join('.')
    byPath.set(path, [...(byPath.get(path) ?? []), template])
  }
  return [...byPath.values()].map((own) => ({
    templates: own,
    indices: [...new Set(own.flatMap(indicesOf))].sort((a, b) => a - b),
  }))
}

const indicesOf = ({ members }: Template): number[] => [...members.keys()].map((key) => Number(key.split('.')[0]))
const shapesOf = ({ members }: Template): (readonly number[])[] => [...members.values()].map(({ shape }) => shape)

/** Shape of a template whose members are all alike. */
function shapeOf(template: Template): readonly number[] {
  const [first, ...others] = shapesOf(template)
  return others.every((shape) => shape.join() === first!.join()) ? first! : []
}

/** [rows, columns] of the matrices among them. */
const matricesOf = (templates: readonly Template[]): [number, number][] =>
  templates.map(shapeOf).filter((shape): shape is [number, number] => shape.length === 2)

const unique = (values: readonly number[]): number[] => [...new Set(values)]

/** The largest matrix outside of all stacks. */
function embeddingOf(templates: readonly Template[]): { vocabulary: number; width: number; count: number } | undefined {
  const single = matricesOf(templates.filter(({ name }) => !name.split('.').includes('*')))
  if (single.length === 0) return undefined
  const [vocabulary, width] = single.reduce((one, other) => (other[0] * other[1] > one[0] * one[1] ? other : one))
  return { vocabulary, width, count: single.filter(([rows, columns]) => rows === vocabulary && columns === width).length }
}

/** Every config that the shapes allow. */
function* configsOf(
  templates: readonly Template[],
  stacks: readonly Stack[],
  { vocabulary, width, count }: { vocabulary: number; width: number; count: number },
  heads: number | undefined,
): Generator<Json> {
  for (const language of stacks)
    for (const { F, Q, K } of sizesOf(besides(language, stacks), width)) {
      const sizes = headsOf(Q, K, heads)
      if (!sizes) continue
      const text = {
        vocab_size: vocabulary,
        hidden_size: width,
        intermediate_size: F,
        num_hidden_layers: language.indices.length,
        num_attention_heads: sizes.heads,
        num_key_value_heads: sizes.kvHeads,
        head_dim: sizes.headSize,
        tie_word_embeddings: count === 1,
      }
      const others = stacks.filter((stack) => stack !== language)
      const encoders = others.flatMap((stack) => [...encodersOf(stack, templates, stacks, width)])
      for (const family of ['llama', 'qwen2']) {
        if (encoders.length === 0) yield { model_type: family, ...text }
        for (const vision_config of encoders)
          for (const fusion_config of fusionsOf(language, others, { width, Q }))
            yield { model_type: 'casa_vlm', text_config: textOf(family, text, vision_config), vision_config, fusion_config }
      }
    }
}

/** Qwen2's blocks beside Qwen2.5-VL's encoder are Qwen2.5-VL's, whose rotary positions have three sections. */
function textOf(family: string, text: Json & { head_dim: number }, { model_type }: Json): Json {
  if (family !== 'qwen2' || model_type !== 'qwen2_5_vl') return { model_type: family, ...text }
  const pairs = text.head_dim / 2
  const side = Math.floor((3 * pairs) / 8)
  return {
    model_type: 'qwen2_5_vl',
    ...text,
    rope_scaling: { type: 'mrope', mrope_section: [pairs - 2 * side, side, side] },
  }
}

/** With all stacks of the same numbers: a checkpoint may hold attention and feed-forward layers under paths of their own. */
function besides({ indices }: Stack, stacks: readonly Stack[]): Stack {
  const alike = stacks.filter((stack) => stack.indices.join() === indices.join())
  return { indices, templates: alike.flatMap(({ templates }) => templates) }
}

/**
 * Widths that blocks of D columns can have: of the feed-forward layer, of all queries, of all keys. Where fused tensors can be read in
 * two ways, the one with the wider feed-forward layer comes first.
 */
function sizesOf({ templates, indices }: Stack, D: number): { F: number; Q: number; K: number }[] {
  const all = matricesOf(templates.filter(({ members }) => members.size === indices.length))
  const into = all.filter(([, columns]) => columns === D).map(([rows]) => rows)
  const outOf = unique(all.filter(([rows]) => rows === D).map(([, columns]) => columns))
  const has = (rows: number, times: number) => into.filter((one) => one === rows).length >= times
  const keysBeside = (Q: number) => [
    ...into.filter((rows) => has(rows, rows === Q ? 3 : 2)),
    ...into.filter((rows) => rows > Q).map((rows) => (rows - Q) / 2),
  ]
  return outOf
    .sort((a, b) => b - a)
    .filter((F) => has(F, 2) || has(2 * F, 1))
    .flatMap((F) =>
      outOf.flatMap((Q) =>
        unique(keysBeside(Q))
          .filter((K) => Number.isInteger(K) && K > 0 && Q % K === 0)
          .map((K) => ({ F, Q, K })),
      ),
    )
}

/** Q and K rows as heads: as many as given, or heads of 128 or less. */
function headsOf(Q: number, K: number, given: number | undefined) {
  const fits = (size: number) => Number.isInteger(size) && size % 2 === 0 && K % size === 0
  const sizes = given === undefined ? [128, ...Array.from({ length: 127 }, (_, i) => 127 - i)] : [Q / given]
  const headSize = sizes.find(fits)
  return headSize === undefined ? undefined : { heads: Q / headSize, kvHeads: K / headSize, headSize }
}

/** CASA layers have the attention's shapes, in the blocks or in a stack of their own: in every block, or every n-th. */
function* fusionsOf(language: Stack, others: readonly Stack[], { width, Q }: { width: number; Q: number }): Generator<Json> {
  yield { kind: 'insertion' }
  yield { kind: 'casa', every: 1 }
  const partial = [language, ...others].flatMap(({ templates }) =>
    templates.filter((template) => shapeOf(template).join() === `${width},${Q}`).map(indicesOf),
  )
  for (const every of unique(partial.map((indices) => (indices[0] ?? 0) + 1)).filter((n) => n > 1)) yield { kind: 'casa', every }
}

/** An encoder whose blocks these are: Qwen2.5-VL's, which cuts patches with a convolution, or one with a convolutional stem. */
function* encodersOf(
  { templates: own, indices }: Stack,
  templates: readonly Template[],
  stacks: readonly Stack[],
  outputWidth: number,
): Generator<Json> {
  const matrices = matricesOf(own)
  for (const W of unique(matrices.filter(([rows, columns]) => rows === 3 * columns).map(([, columns]) => columns)))
    for (const I of unique(matrices.filter(([rows]) => rows === W).map(([, columns]) => columns)).filter(
      (columns) => columns !== W,
    )) {
      const joined = templates.flatMap(shapesOf).filter(([rows, columns]) => rows === outputWidth && columns! % W === 0)
      for (const merge of unique(joined.map(([, columns]) => Math.sqrt(columns! / W))).filter(Number.isInteger)) {
        const common = {
          hidden_size: W,
          depth: indices.length,
          intermediate_size: I,
          num_heads: W % 320 === 0 ? W / 80 : 1,
          spatial_merge_size: merge,
          out_hidden_size: outputWidth,
        }
        for (const shape of templates.map(shapeOf)) {
          const [rows, channels, , patch] = shape
          if (shape.length === 5 && rows === W && channels === 3)
            yield { model_type: 'qwen2_5_vl', ...common, patch_size: patch, window_size: 8 * patch! * merge, fullatt_block_indexes: [], temporal_patch_size: 2 } // prettier-ignore
        }
        for (const stem of [[], ...stacks.map(stemOf)]) if (stem) yield* smallEncoder(common, W, stem, templates)
      }
    }
}

/** Rows and columns of each 3x3 convolution of a stem: [C1, 9 C0], [C2, 9 C1] .. */
function stemOf({ templates }: Stack): [number, number][] | undefined {
  const chains = templates.map(shapesOf) as [number, number][][]
  return chains.find(
    (shapes) =>
      shapes.every(({ length }) => length === 2) &&
      shapes.every(([, columns], i) => columns === 9 * (shapes[i - 1]?.[0] ?? columns / 9) && columns % 9 === 0),
  )
}

function* smallEncoder(common: Json, W: number, stem: [number, number][], templates: readonly Template[]): Generator<Json> {
  const inputs =
    stem.length > 0
      ? [stem[0]![1] / 9]
      : unique(matricesOf(templates).flatMap(([rows, columns]) => (rows === W && columns % 3 === 0 ? [columns] : [])))
  for (const values of inputs) {
    const patch_size = Math.sqrt(values / 3)
    if (Number.isInteger(patch_size))
      yield { model_type: 'casa_vit', ...common, patch_size, stem_channels: stem.map(([rows]) => rows) }
  }
}

function unknownOf(config: Json, headsGiven: boolean): string[] {
  const text = (config.text_config ?? config) as { num_attention_heads: number; num_key_value_heads: number; head_dim: number }
  const fusion = config.fusion_config as { kind: string } | undefined
  const rows = (count: number) => count * text.head_dim
  return [
    ...(headsGiven
      ? []
      : [
          `num_attention_heads: queries of ${rows(text.num_attention_heads)} and keys of ${rows(text.num_key_value_heads)} rows fit heads of several sizes`,
        ]),
    'rms_norm_eps, rope_theta, max_position_embeddings',
    ...(config.vision_config ? ['the encoder: its heads, windows, and how pictures are scaled'] : []),
    ...(fusion?.kind === 'casa' ? ['the CASA layers: text among the keys or not, their place in the block, norm_images'] : []),
  ]
}
