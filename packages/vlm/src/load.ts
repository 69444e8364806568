/** Model folders in and out: weights, tokenizer, chat template and config, one self-describing folder. */
import { CasaError, ConfigError, Fields, WeightError } from '@casa-js/base'
import { initialParams, type Params, type TensorTable } from '@casa-js/core'
import {
  clone,
  createCompressedBlocks,
  createCompressedQuantizedWeight,
  createCompressedWeight,
  dispose,
  keep,
  shapeOf,
  tensor,
  widenBf16,
  widenF16,
  decompressWeight,
  type Tensor,
} from '@casa-js/tensor'
import { compressedForm } from '@casa-js/tensor/internal'
import {
  builtInTemplates,
  parseChatTemplate,
  parseTokenizer,
  type ChatTemplate,
  type ImageMarks,
  type TextTokenizer,
  type TokenizerConfig,
  type TokenizerJson,
} from '@casa-js/tokenizers'
import {
  loadEach,
  openModelFolder,
  writeModelFolder,
  type FolderSink,
  type FolderSource,
  type LoadedTensor,
  type LoadOptions,
  type ModelFolder,
  type ModelFolderToWrite,
  type NameMap,
  type OpenedAdapter,
  type OpenOptions,
  type TensorProducer,
} from '@casa-js/weights'
import { parseVlmConfig, withNewModelFields, type Families, type VlmConfig } from './config.ts'
import { bindVlm, fusionInitialisers, fusionTensors, vlmTensors, type VlmModel } from './model.ts'

/** A model with what a conversation needs: tokenizer, chat template and settings. */
export interface Vlm {
  readonly model: VlmModel
  readonly tokenizer: TextTokenizer
  readonly template: ChatTemplate
  /** Ids that end an answer. */
  readonly stopIds: number[]
  /** The files it was read from, parsed, for saving. */
  readonly files: VlmFiles
  dispose(): void
}

export interface VlmFiles {
  tokenizerJson: TokenizerJson
  tokenizerConfig?: TokenizerConfig | undefined
  /** Our part: how the template marks images and ends turns. */
  processorConfig?:
    { chat?: { name?: string | undefined; image?: ImageMarks; stop?: string[] }; [other: string]: unknown } | undefined
  chatTemplate?: string | undefined
  /** Its `eos_token_id` ends answers too. */
  generationConfig?: unknown
  /** For a model read from an adapter and its base. */
  adapter?: OpenedAdapter | undefined
}

export interface LoadVlmOptions extends Pick<LoadOptions, 'names' | 'onProgress' | 'onRounded' | 'signal'> {
  families?: Families
  /**
   * How matrices are held in memory. 'compressed': as the folder holds them, in 16, 8 or 4 bits, only to be read; 'float32': widened, as
   * training needs them; or one of the two by a weight's name, e.g. compressed for those that a training leaves as they are. Unless given,
   * loadVlm takes 'compressed', and loadModel keeps quantised matrices as they are and makes 16-bit ones float32.
   */
  weights?: WeightsForm | ((name: string) => WeightsForm) | undefined
  /** For an adapter: the folder of its base, in place of the one that it names. */
  base?: string | FolderSource | undefined
  /** Opens the base at the address that an adapter names, e.g. with progress; by default as an address is opened. */
  openBase?: OpenOptions['openBase']
  /** Called before a file of an address or of the hub is fetched again. */
  onRetry?: OpenOptions['onRetry']
}

export type WeightsForm = 'float32' | 'compressed'

/** The whole tensor table, the fusion's weights included. Their shapes follow from the backbone's, so no weight is needed. */
export function allTensors(config: VlmConfig): TensorTable {
  const table = vlmTensors(config)
  const shapes = Object.fromEntries(table.map(({ name, shape }) => [name, { shape }])) as unknown as Params
  const backbone = config.backbone.family.bind(config.backbone.config, shapes)
  return [...table, ...fusionTensors(config, backbone)]
}

/**
 * Read a model's weights alone, without tokenizer: for parity checks and for training.
 * @param folder a path (Node), an address, or a FolderSource.
 */
export async function loadModel(folder: string | FolderSource, options: LoadVlmOptions = {}): Promise<VlmModel> {
  const opened = await open(folder, options)
  try {
    return await readModel(opened, options)
  } finally {
    await opened.weights.close()
  }
}

/** Tied checkpoints may store the head a second time; it equals the embedding and is not read. */
export const withoutTiedHead = (table: TensorTable): NameMap =>
  table.some(({ name }) => name === 'lm_head.weight') ? [] : [['^lm_head\\.weight$', null]]

/** A loaded tensor on the device. Only matrices stay compressed: tensors with more axes are reshaped by their model. */
function place(loaded: LoadedTensor): Tensor {
  const { shape } = loaded.spec
  if (loaded.dtype === 'F32') return tensor(loaded.values, shape)
  if ('quantized' in loaded) return createCompressedQuantizedWeight(loaded.quantized)
  if ('blocks' in loaded) return createCompressedBlocks(loaded.blocks, shape as [number, number], loaded.dtype)
  if (shape.length === 2) return createCompressedWeight(loaded.compressed, shape, loaded.dtype === 'BF16' ? 'bf16' : 'f16')
  const words = tensor(loaded.compressed, [loaded.compressed.length])
  const floats = loaded.dtype === 'BF16' ? widenBf16(words, shape) : widenF16(words, shape)
  dispose(words)
  return floats
}

const open = (folder: string | FolderSource, { signal, base, openBase, onRetry }: LoadVlmOptions): Promise<ModelFolder> =>
  openModelFolder(folder, { signal, base, openBase, onRetry })

async function readModel(opened: ModelFolder, options: LoadVlmOptions): Promise<VlmModel> {
  const config = parseVlmConfig(opened.config, options.families, opened.processorConfig)
  const table = allTensors(config)
  const params: Params = {}
  const { weights: form, names = [], signal, onProgress, onRounded } = options
  const formOf = typeof form === 'function' ? form : () => form
  try {
    await loadEach(table, opened.weights, (loaded) => void (params[loaded.spec.name] = keep(place(loaded))), {
      names: [...withoutTiedHead(table), ...names],
      signal,
      onProgress,
      onRounded,
      compressed: (name) => formOf(name) === 'compressed',
      quantized: (name) => formOf(name) !== 'float32',
      blocks: (name) => formOf(name) !== 'float32',
    })
  } catch (error) {
    dispose(...Object.values(params))
    throw error
  }
  return bindVlm(config, params)
}

/**
 * Read a whole model folder, ready for conversations. Its weights stay compressed unless the options say otherwise. The caller disposes it.
 * An adapter is read together with its base, as one model.
 * @param folder a path (Node), an address, or a FolderSource
 * @throws CasaError when it has no tokenizer or no chat template that is known; WeightError listing every tensor that does not fit, or
 *   when the base is not the one that an adapter was made for
 */
export async function loadVlm(folder: string | FolderSource, options: LoadVlmOptions = {}): Promise<Vlm> {
  const opened = await open(folder, options)
  try {
    if (!opened.tokenizerJson)
      throw new CasaError(`${opened.name}: there is no tokenizer.json, so it can be loaded but not talked to`)
    const files: VlmFiles = {
      tokenizerJson: opened.tokenizerJson as TokenizerJson,
      tokenizerConfig: opened.tokenizerConfig as TokenizerConfig | undefined,
      processorConfig: opened.processorConfig as VlmFiles['processorConfig'],
      chatTemplate: opened.chatTemplate,
      generationConfig: opened.generationConfig,
      ...(opened.adapter && { adapter: opened.adapter }),
    }
    const talk = parseFiles(files, opened.name)
    return assembleVlm(await readModel(opened, { ...options, weights: options.weights ?? 'compressed' }), files, talk)
  } finally {
    await opened.weights.close()
  }
}

/** `eos_token_id` of generation_config.json, one or several: answers of published models end at any of them. */
function eosOf(generationConfig: unknown): number[] {
  if (generationConfig === undefined) return []
  const f = new Fields(generationConfig, 'generation_config.json')
  if (!f.has('eos_token_id')) return []
  return Array.isArray(f.raw('eos_token_id')) ? f.integers('eos_token_id') : [f.integer('eos_token_id', { min: 0 })]
}

/** `chat` of processor_config.json, checked: a marker of the wrong type would silently change every answer. */
function chatOf(processorConfig: unknown): { name?: string; image?: ImageMarks; stop?: string[] } {
  if (processorConfig === undefined) return {}
  const f = new Fields(processorConfig, 'processor_config.json')
  if (!f.has('chat')) return {}
  const chat = f.object('chat')
  const image = chat.object('image', { optional: true })
  const marks = (['before', 'token', 'after'] as const).filter((name) => image.has(name))
  const stop = chat.raw('stop')
  if (stop !== undefined && !(Array.isArray(stop) && stop.every((text) => typeof text === 'string')))
    throw new ConfigError(chat.at('stop'), `expected a list of texts, found ${JSON.stringify(stop)}`)
  return {
    ...(chat.has('name') && { name: chat.string('name') }),
    ...(chat.has('image') && { image: Object.fromEntries(marks.map((name) => [name, image.string(name)])) }),
    ...(Array.isArray(stop) && { stop: stop as string[] }),
  }
}

function parseFiles(files: VlmFiles, name: string): Pick<Vlm, 'tokenizer' | 'template'> {
  const tokenizer = parseTokenizer(files.tokenizerJson, files.tokenizerConfig)
  const chat = chatOf(files.processorConfig)
  const own = parseChatTemplate(
    { chatTemplate: files.chatTemplate, config: files.tokenizerConfig },
    { image: chat.image, stop: chat.stop },
  )
  const template = own ?? builtInTemplates.find((t) => t.name === chat.name)
  if (!template) {
    const known = builtInTemplates.map((t) => t.name).join(', ')
    throw new CasaError(
      `${name}: there is no chat template; add chat_template.jinja, or processor_config.json with chat.name = one of ${known}`,
    )
  }
  return { tokenizer, template }
}

function assembleVlm(model: VlmModel, files: VlmFiles, { tokenizer, template }: Pick<Vlm, 'tokenizer' | 'template'>): Vlm {
  const stops = template.stop.map((text) => tokenizer.idOf(text)).filter((id): id is number => id !== undefined)
  return {
    model,
    tokenizer,
    template,
    stopIds: [...new Set([...stops, ...model.config.eosTokenIds, ...eosOf(files.generationConfig)])],
    files,
    dispose: () => model.dispose(),
  }
}

export interface NewModelOptions {
  families?: Families | undefined
  /**
   * Weights that are not fresh, by name: they are copied, and fusion weights without an entry start from them. Names that the model
   * does not have are an error.
   */
  known?: Params | undefined
}

/**
 * A model with fresh weights, by its seed. CASA weights start from the block's self-attention, as the paper does.
 *
 * @param json config.json of a model folder
 * @param options.processor its processor config, if it has one
 * @throws ConfigError for a config that does not fit; WeightError when a known weight has another shape or no place in the model
 */
export function createModel(
  json: unknown,
  seed: number,
  { families, known = {}, processor }: NewModelOptions & { processor?: unknown } = {},
): VlmModel {
  const isObject = typeof json === 'object' && json !== null
  const config = parseVlmConfig(
    isObject ? withNewModelFields(json as Record<string, unknown>, families) : json,
    families,
    processor,
  )
  checkKnown(known, allTensors(config))
  const params: Params = {}
  const copy = (name: string, source: Tensor): void => void (params[name] = keep(clone(source)))
  const fill = (table: TensorTable) => {
    for (const { name } of table) if (known[name]) copy(name, known[name])
    const fresh = table.filter(({ name }) => !params[name])
    for (const { spec, values } of initialParams(fresh, seed)) params[spec.name] = keep(tensor(values, spec.shape))
  }
  fill(vlmTensors(config))
  const backbone = config.backbone.family.bind(config.backbone.config, params)
  for (const [name, source] of fusionInitialisers(config, backbone)) copy(name, known[name] ?? source)
  fill(fusionTensors(config, backbone).filter(({ name }) => !params[name]))
  return bindVlm(config, params)
}

function checkKnown(known: Params, table: TensorTable): void {
  for (const [name, weight] of Object.entries(known)) {
    const spec = table.find((one) => one.name === name)
    if (!spec) throw new WeightError(`${name}: the new model has no such weight`)
    const shape = shapeOf(weight)
    if (shape.length !== spec.shape.length || shape.some((size, axis) => size !== spec.shape[axis]))
      throw new WeightError(`${name}: the new model wants [${spec.shape.join(', ')}], the given weight is [${shape.join(', ')}]`)
  }
}

/**
 * A model with fresh weights and the files to talk to it.
 *
 * @throws what createModel throws; CasaError when no chat template is known
 */
export function createVlm(json: unknown, seed: number, files: VlmFiles, options: NewModelOptions = {}): Vlm {
  const talk = parseFiles(files, 'createVlm')
  return assembleVlm(createModel(json, seed, { ...options, processor: files.processorConfig }), files, talk)
}

/** A bound model with the files to talk to it. @throws CasaError when no chat template is known */
export const withFiles = (model: VlmModel, files: VlmFiles): Vlm => assembleVlm(model, files, parseFiles(files, 'withFiles'))

export interface SaveOptions {
  /** How weights are stored; bf16 halves them. */
  dtype?: 'F32' | 'BF16' | 'F16'
  metadata?: Record<string, string>
  /** For a model read from an adapter: weights that are no longer the base's, and are written too. */
  changed?: readonly string[] | undefined
}

async function floatsOf(weight: Tensor): Promise<Float32Array> {
  if (!compressedForm(weight)) return (await weight.data()) as Float32Array
  const floats = decompressWeight(weight)
  try {
    return (await floats.data()) as Float32Array
  } finally {
    dispose(floats)
  }
}

/**
 * Write a model folder, whole or not at all. Compressed weights are written as `dtype` too. A model that was read from an adapter is
 * written as one: without the weights and files of its base.
 *
 * @throws WeightError when the disk is full or a weight is not finite in `dtype`; FileError when something else lies at the path
 */
export async function saveVlm(
  vlm: Pick<Vlm, 'model' | 'files'>,
  folder: string | FolderSink,
  { dtype = 'F32', metadata, changed = [] }: SaveOptions = {},
): Promise<void> {
  const { model } = vlm
  const { adapter, ...files } = vlm.files
  const ofBase = new Map(Object.entries(adapter?.base.tensors ?? {}).filter(([name]) => !changed.includes(name)))
  const own = Object.keys(model.params).filter((name) => !ofBase.has(name))
  const weights: TensorProducer = {
    plans: own.map((name) => ({ name, dtype, shape: shapeOf(model.params[name]!) })),
    produce: ({ name }) => floatsOf(model.params[name]!),
  }
  const content = { config: model.config.json, ...files, weights }
  await writeModelFolder(
    folder,
    adapter && ofBase.size > 0
      ? { ...withoutFiles(content, adapter.borrowed), adapter: { ...adapter.base, tensors: Object.fromEntries(ofBase) } }
      : content,
    { metadata },
  )
}

/** Leaves out the files that an adapter takes from its base. */
function withoutFiles(content: ModelFolderToWrite, borrowed: readonly string[]): ModelFolderToWrite {
  const kept = { ...content }
  if (borrowed.includes('tokenizer.json')) delete kept.tokenizerJson
  if (borrowed.includes('tokenizer_config.json')) delete kept.tokenizerConfig
  if (borrowed.includes('generation_config.json')) delete kept.generationConfig
  // A template may also stand in tokenizer_config.json, which is the base's.
  if (borrowed.includes('chat_template.jinja')) delete kept.chatTemplate
  return kept
}
