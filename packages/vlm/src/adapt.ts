/**
 * Adaptation, as in the paper: turns a language model (or a vision-language model) and a vision encoder into a CASA model whose new
 * layers are initialised from the blocks' self-attention. Weights are streamed from the source folders into the new one, one tensor at
 * a time.
 */
import { CasaError, ConfigError } from '@casa-js/base'
import { Fields, initialParams, type Params, type TensorSpec } from '@casa-js/core'
import {
  hashTensor,
  openModelFolder,
  writeModelFolder,
  type BaseTensor,
  type Dtype,
  type FolderSink,
  type FolderSource,
  type ModelFolder,
  type NameMap,
} from '@casa-js/weights'
import { isDtype, matchTable } from '@casa-js/weights/internal'
import { parseVlmConfig, withNewModelFields, type Families } from './config.ts'
import { imageSettings } from './image-settings.ts'
import { fusionInitialisers, fusionTensors, vlmTensors } from './model.ts'

export interface AdaptOptions {
  /** Folder of the language model, or of a vision-language model such as Qwen2.5-VL. */
  language: string | FolderSource
  /** Folder with the vision encoder; the language folder itself when it has one. */
  vision?: string | FolderSource | undefined
  /** `fusion_config` of the new model: keys, place, every, shared, norm_images, ffn_updates. */
  fusion: Record<string, unknown>
  /** Train the language model too, at the learning rate of pretrained weights; false freezes it, as the paper does for Qwen2.5-VL. */
  trainLanguage?: boolean
  /** Train the encoder's last blocks; 4 in the paper's image stage. */
  trainedVisionBlocks?: number
  /**
   * What the output projections of new layers start from: copies of the block's own, as in the paper, or zeros. With copies each new
   * layer adds its block's self-attention a second time until training has told them apart; with zeros the new model starts as exactly its
   * language model, which is the better start for a frozen one and a short training. Default 'copies'.
   */
  outputs?: 'copies' | 'zeros' | undefined
  dtype?: Extract<Dtype, 'F32' | 'BF16' | 'F16'> | undefined
  /** Fields of processor_config.json beside the language folder's, e.g. how its chat template marks images. */
  processorConfig?: Record<string, unknown> | undefined
  /** For an encoder of another output width: the weights that set it start anew, drawn with this seed. */
  newProjector?: { seed: number } | undefined
  /**
   * Write an adapter: without the weights that stay frozen, which are those of the language folder. `name` says where that folder is found
   * again, e.g. "hub:organisation/name", and `revision` its commit.
   */
  adapter?: { name: string; revision?: string | undefined } | undefined
  names?: NameMap
  families?: Families
  signal?: AbortSignal
  onProgress?: (progress: { tensor: string; writtenBytes: number; totalBytes: number }) => void
}

/** How `casa train` trains the weights of an adapted model by default. */
export interface TrainingHints {
  freeze: string[]
  groups: { name: string; match: string[]; learningRate: number }[]
}

/** Keys of a flat (4.x) vision-language config that are not the text model's. */
const notText = new Set([
  'vision_config',
  'architectures',
  'image_token_id',
  'video_token_id',
  'vision_start_token_id',
  'vision_end_token_id',
])

function textConfigOf(json: Record<string, unknown>): Record<string, unknown> {
  const nested = json.text_config as Record<string, unknown> | undefined
  if (nested) return { tie_word_embeddings: json.tie_word_embeddings, ...nested }
  return Object.fromEntries(Object.entries(json).filter(([key]) => !notText.has(key)))
}

/**
 * The encoder's config under the name of its family, with what its processor says: a folder holds it as `vision_config`, or is the
 * encoder's own.
 */
function visionConfigOf(json: Record<string, unknown>, where: string, processor: unknown): Record<string, unknown> {
  const own = { ...imageSettings(processor), ...((json.vision_config ?? json) as Record<string, unknown>) }
  const modelType = new Fields(json, `${where}: config.json`).string('model_type')
  if (json.vision_config && modelType !== 'casa_vlm') return { ...own, model_type: modelType }
  return own
}

/** config.json of the adapted model. */
export function adaptedConfig(
  language: Record<string, unknown>,
  vision: Pick<ModelFolder, 'name' | 'config' | 'processorConfig'>,
  options: Pick<AdaptOptions, 'fusion' | 'families' | 'newProjector'>,
) {
  const textConfig = textConfigOf(language)
  const visionConfig = visionConfigOf(vision.config as Record<string, unknown>, vision.name, vision.processorConfig)
  if (options.newProjector) visionConfig.out_hidden_size = textConfig.hidden_size
  const json = withNewModelFields(
    {
      model_type: 'casa_vlm',
      text_config: textConfig,
      vision_config: visionConfig,
      fusion_config: { kind: 'casa', ...options.fusion },
    },
    options.families,
  )
  if (language.eos_token_id !== undefined) json.eos_token_id = language.eos_token_id
  const config = parseVlmConfig(json, options.families)
  const width = (config.backbone.config as { width: number }).width
  const visionWidth = new Fields(json.vision_config, 'vision_config').integer('out_hidden_size')
  if (width !== visionWidth) {
    throw new ConfigError(
      `${vision.name}: vision_config: out_hidden_size`,
      `expected the language model's hidden_size ${width}, found ${visionWidth}: take an encoder of that output width, or let its projector start anew`,
    )
  }
  return { json, config }
}

/** What trains and what stays frozen. */
function planTraining(
  backboneNames: string[],
  visionNames: string[],
  newWeights: string[],
  { trainLanguage = true, trainedVisionBlocks = 4 }: AdaptOptions,
): { hints: TrainingHints; isFrozen(name: string): boolean } {
  const blockOf = (name: string) => Number(/\.blocks\.(\d+)\./.exec(name)?.[1] ?? NaN)
  const depth = Math.max(-1, ...visionNames.map(blockOf).filter((n) => !Number.isNaN(n))) + 1
  // The merger, which follows the blocks, is trained together with the last blocks.
  const trains = (name: string) =>
    newWeights.includes(name) ||
    (trainedVisionBlocks > 0 && (name.includes('.merger.') || blockOf(name) >= depth - trainedVisionBlocks))
  const frozenVision = visionNames.filter((name) => !trains(name))
  const frozenLanguage = trainLanguage ? [] : backboneNames
  const prefix = visionNames[0]?.split('.')[0]
  const frozen = new Set([...frozenLanguage, ...frozenVision])
  return {
    hints: {
      freeze: [
        ...new Set(frozenLanguage.map((name) => `${name.split('.')[0]}.*`)),
        ...(frozenVision.length === visionNames.length ? [`${prefix}.*`] : frozenVision),
      ],
      groups: [
        ...(newWeights.length > 0 ? [{ name: 'new', match: newWeights, learningRate: 1e-4 }] : []),
        { name: 'pretrained', match: ['*'], learningRate: 1e-5 },
      ],
    },
    isFrozen: (name) => frozen.has(name),
  }
}

/** Write the adapted model to `out`. @throws CasaError, ConfigError or WeightError naming what does not fit. */
export async function adapt(options: AdaptOptions, out: string | FolderSink): Promise<void> {
  const { signal, dtype } = options
  const language = await openModelFolder(options.language, { signal })
  const vision = options.vision === undefined ? language : await openModelFolder(options.vision, { signal })
  try {
    const { json, config } = adaptedConfig(language.config as Record<string, unknown>, vision, options)
    const backboneTable = config.backbone.family.tensors(config.backbone.config)
    const visionTable = vlmTensors(config).slice(backboneTable.length)
    const found = new Map<string, { from: ModelFolder; name: string }>()
    const take = (table: TensorSpec[], from: ModelFolder) => {
      for (const { spec, found: name } of matchTable(table, from.weights, { names: options.names, allowUnexpected: true }))
        found.set(spec.name, { from, name })
    }
    take(backboneTable, language)
    const stored = vision.weights.entries()
    const anew = options.newProjector ? visionTable.filter(({ name, shape }) => !fits(stored.get(name)?.shape, shape)) : []
    take(
      visionTable.filter((spec) => !anew.includes(spec)),
      vision,
    )
    const fresh = new Map(
      [...initialParams(anew, options.newProjector?.seed ?? 0)].map(({ spec, values }) => [spec.name, values]),
    )

    // Placeholders of the right shape replace weights here; the initialiser's result shows which of them each new tensor is copied from.
    const shapes = Object.fromEntries(backboneTable.map(({ name, shape }) => [name, { shape }])) as unknown as Params
    const backbone = config.backbone.family.bind(config.backbone.config, shapes)
    const initialisers = fusionInitialisers(config, backbone)
    const added = fusionTensors(config, backbone)
    for (const { name, shape } of added) {
      if (options.outputs === 'zeros' && name.includes('.o_proj.')) {
        fresh.set(name, new Float32Array(shape.reduce((product, size) => product * size, 1)))
        continue
      }
      const source = Object.keys(shapes).find((key) => shapes[key] === initialisers.get(name))
      if (!source) throw new CasaError(`${name}: the fusion names no weight of the backbone to start from`)
      found.set(name, found.get(source)!)
    }

    const table = [...backboneTable, ...visionTable, ...added]
    /** The stored dtype; quantised weights become F16, as training needs floats. */
    const kept = (name: string) => {
      if (fresh.has(name)) return 'F32'
      const stored = found.get(name)!.from.weights.entries().get(found.get(name)!.name)!.dtype
      return isDtype(stored) ? stored : 'F16'
    }
    const { hints: training, isFrozen } = planTraining(
      backboneTable.map(({ name }) => name),
      visionTable.map(({ name }) => name),
      [...(added.length > 0 ? ['casa.*'] : []), ...fresh.keys()],
      options,
    )
    const base = options.adapter && {
      name: options.adapter.name,
      revision: options.adapter.revision ?? language.revision,
      tensors: await baseTensors(
        table.flatMap(({ name }) =>
          isFrozen(name) && found.get(name)?.from === language ? [[name, found.get(name)!.name]] : [],
        ),
        language,
        signal,
      ),
    }
    const own = base ? table.filter(({ name }) => !(name in base.tensors)) : table
    await writeModelFolder(
      out,
      {
        config: { ...json, training },
        processorConfig: options.processorConfig
          ? { ...Object(language.processorConfig), ...options.processorConfig }
          : language.processorConfig,
        ...(base
          ? { adapter: base }
          : {
              generationConfig: language.generationConfig,
              tokenizerJson: language.tokenizerJson,
              tokenizerConfig: language.tokenizerConfig,
              chatTemplate: language.chatTemplate,
            }),
        weights: {
          plans: own.map(({ name, shape }) => ({ name, shape, dtype: dtype ?? kept(name) })),
          produce: ({ name }) => fresh.get(name) ?? found.get(name)!.from.weights.read(found.get(name)!.name, signal),
        },
      },
      { signal, onProgress: options.onProgress, metadata: { adapted_from: language.name, vision_from: vision.name } },
    )
  } finally {
    await language.weights.close()
    if (vision !== language) await vision.weights.close()
  }
}

function fits(one: readonly number[] | undefined, other: readonly number[]): boolean {
  return one?.length === other.length && one.every((size, axis) => size === other[axis])
}

/** Hashes of the weights that an adapter leaves to its base. @throws ConfigError when there are none */
async function baseTensors(
  names: readonly (readonly string[])[],
  { weights }: ModelFolder,
  signal: AbortSignal | undefined,
): Promise<Record<string, BaseTensor>> {
  if (names.length === 0)
    throw new ConfigError('adapter', 'every weight trains, so an adapter would be the whole model: freeze the language model')
  const tensors: Record<string, BaseTensor> = {}
  for (const [name, from] of names as [string, string][])
    tensors[name] = { ...(from !== name && { from }), sha256: await hashTensor(weights, from, signal) }
  return tensors
}
