/** Parses an untrusted run and fills in its defaults. Every error names the field. */
import { ConfigError } from '@casa-js/base'
import { Fields } from '@casa-js/core'
import type { RunConfig } from '../checkpoint/content.ts'
import { adaptation, DEFAULT_WEIGHT_DECAY, fromScratch, type GroupRule } from '../groups.ts'
import { ADAMW_DEFAULTS } from '../optimizer.ts'
import type {
  DatasetReference,
  EvaluateDefinition,
  FeatureCacheDefinition,
  JsonlReference,
  ModelReference,
  ModuleReference,
  PartOfModel,
  RunDefinition,
  ShardsReference,
  TokenizerReference,
} from './define.ts'

/** A run with all defaults filled in, except those that depend on the location of the run file. */
export type ParsedRun = Required<
  Omit<
    RunDefinition,
    'groups' | 'freeze' | 'out' | 'evaluate' | 'featureCache' | 'batch' | 'schedule' | 'checkpoint' | 'optimizer'
  >
> & {
  groups: GroupRule[]
  freeze: string[]
  batch: Required<RunDefinition['batch']>
  schedule: { warmup: number; cooldown: number }
  optimizer: { betas: [number, number]; epsilon: number }
  checkpoint: { every: number; keep: number }
  featureCache?: FeatureCacheDefinition | undefined
  evaluate?: Required<EvaluateDefinition> | undefined
  out?: string | undefined
}

/**
 * Checks a run and fills in its defaults.
 *
 * @param path name of the run in errors, e.g. "run.ts".
 * @throws ConfigError naming the first field that is unknown or wrong.
 */
export function parseRun(json: unknown, path: string): ParsedRun {
  const f = open(json, path, [
    'model',
    'data',
    'batch',
    'steps',
    'schedule',
    'groups',
    'freeze',
    'optimizer',
    'clip',
    'recompute',
    'checkpoint',
    'featureCache',
    'evaluate',
    'save',
    'seed',
    'out',
    'workers',
    'device',
  ])
  const steps = f.integer('steps')
  const model = parseModel(f.raw('model'), f.at('model'))
  const batch = child(f, 'batch', ['textTokens', 'imageTokens', 'perStep'])
  const schedule = child(f, 'schedule', ['warmup', 'cooldown'], true)
  const optimizer = child(f, 'optimizer', ['betas', 'epsilon'], true)
  const checkpoint = child(f, 'checkpoint', ['every', 'keep'], true)
  return {
    model,
    data: parseDataset(f.raw('data'), f.at('data')),
    batch: {
      textTokens: batch.integer('textTokens'),
      imageTokens: batch.integer('imageTokens', { min: 0 }),
      perStep: batch.integer('perStep', { fallback: 1 }),
    },
    steps,
    schedule: {
      warmup: schedule.integer('warmup', { min: 0, fallback: Math.min(100, Math.floor(steps / 20)) }),
      cooldown: schedule.integer('cooldown', { min: 0, fallback: Math.floor(steps / 5) }),
    },
    groups: f.has('groups')
      ? parseGroups(f.raw('groups'), f.at('groups'))
      : 'config' in model
        ? fromScratch()
        : adaptation(['casa.*']),
    freeze: strings(f, 'freeze'),
    optimizer: { betas: parseBetas(optimizer), epsilon: optimizer.number('epsilon', { fallback: ADAMW_DEFAULTS.epsilon }) },
    clip: f.number('clip', { fallback: 1 }),
    recompute: f.boolean('recompute', false),
    checkpoint: {
      every: checkpoint.integer('every', { fallback: Math.max(1, Math.ceil(steps / 20)) }),
      keep: checkpoint.integer('keep', { fallback: 2 }),
    },
    featureCache: f.has('featureCache') ? parseFeatureCache(f.raw('featureCache'), f.at('featureCache')) : undefined,
    evaluate: f.has('evaluate') ? parseEvaluate(f.raw('evaluate'), f.at('evaluate')) : undefined,
    save: f.oneOf('save', ['F32', 'BF16', 'F16'], 'BF16'),
    seed: f.integer('seed', { min: 0, fallback: 1 }),
    out: f.has('out') ? f.string('out') : undefined,
    workers: f.integer('workers', { fallback: 1 }),
    device: f.oneOf('device', ['auto', 'webgpu', 'wasm', 'cpu'], 'auto'),
  }
}

/** The settings that determine a run's results, as stored in checkpoints. */
export function configOf({ model, data, batch, seed, freeze, ...run }: ParsedRun): RunConfig {
  const { perStep, ...budgets } = batch
  return {
    fixed: { model, data, seed, freeze, perStep },
    tunable: {
      steps: run.steps,
      schedule: run.schedule,
      groups: run.groups,
      optimizer: run.optimizer,
      clip: run.clip,
      budgets,
      // Features in full precision are those of a run without a cache.
      ...(run.featureCache?.dtype === 'BF16' && { features: 'BF16' }),
    },
  }
}

function parseModel(json: unknown, path: string): ModelReference {
  const f = open(json, path, ['folder', 'base', 'config', 'tokenizer', 'template', 'from'])
  if (f.has('folder')) {
    f.require(
      ['config', 'tokenizer', 'template', 'from'].every((name) => !f.has(name)),
      'folder',
      'a folder brings its own config, tokenizer and template: name it alone',
    )
    return { folder: f.string('folder'), ...(f.has('base') && { base: f.string('base') }) }
  }
  f.require(!f.has('base'), 'base', 'a base goes with the folder of an adapter')
  f.object('config')
  return {
    config: f.raw('config') as Record<string, unknown>,
    tokenizer: parseTokenizerReference(f.raw('tokenizer'), f.at('tokenizer')),
    template: f.string('template', 'casa-reader'),
    ...(f.has('from') && { from: parsePart(f.raw('from'), f.at('from')) }),
  }
}

function parsePart(json: unknown, path: string): PartOfModel {
  const f = open(json, path, ['folder', 'match'])
  const match = strings(f, 'match')
  f.require(match.length > 0, 'match', 'expected a list of patterns such as "vision.*"')
  return { folder: f.string('folder'), match }
}

function parseTokenizerReference(json: unknown, path: string): TokenizerReference {
  const f = open(json, path, ['file', 'corpus', 'vocabSize'])
  if (f.has('file')) return { file: f.string('file') }
  return { corpus: parseModule(f.raw('corpus'), f.at('corpus')), vocabSize: f.integer('vocabSize', { min: 257 }) }
}

function parseDataset(json: unknown, path: string): DatasetReference {
  const kinds = ['module', 'jsonl', 'shards']
  const named = kinds.filter((kind) => new Fields(json, path).has(kind))
  if (named.length > 1)
    throw new ConfigError(`${path}: ${named[1]}`, `a dataset is one of ${kinds.join(', ')}; ${named.join(' and ')} are given`)
  if (named[0] === 'jsonl') return parseJsonl(json, path)
  return named[0] === 'shards' ? parseShards(json, path) : parseModule(json, path)
}

function parseJsonl(json: unknown, path: string): JsonlReference {
  const f = open(json, path, ['jsonl', 'images', 'allowOutside'])
  const allowOutside = f.raw('allowOutside')
  f.require(allowOutside === undefined || typeof allowOutside === 'boolean', 'allowOutside', 'expected true or false')
  return {
    jsonl: f.string('jsonl'),
    ...(f.has('images') && { images: f.string('images') }),
    ...(allowOutside === true && { allowOutside }),
  }
}

function parseShards(json: unknown, path: string): ShardsReference {
  const f = open(json, path, ['shards', 'buffer', 'question', 'columns'])
  const shards = typeof f.raw('shards') === 'string' ? f.string('shards') : f.strings('shards')
  f.require(shards.length > 0, 'shards', 'expected at least one folder, file or address')
  const names = ['image', 'question', 'answer', 'messages', 'id'] as const
  const columns = f.has('columns') ? open(f.raw('columns'), f.at('columns'), [...names]) : undefined
  return {
    shards,
    ...(f.has('buffer') && { buffer: f.integer('buffer') }),
    ...(f.has('question') && { question: f.string('question') }),
    ...(columns && {
      columns: Object.fromEntries(names.filter((name) => columns.has(name)).map((name) => [name, columns.string(name)])),
    }),
  }
}

function parseModule(json: unknown, path: string): ModuleReference {
  const f = open(json, path, ['module', 'options'])
  f.object('options', { optional: true })
  return { module: f.string('module'), ...(f.has('options') && { options: f.raw('options') as Record<string, unknown> }) }
}

function parseFeatureCache(json: unknown, path: string): FeatureCacheDefinition {
  const f = open(json, path, ['folder', 'maxBytes', 'dtype'])
  return {
    folder: f.string('folder'),
    ...(f.has('maxBytes') && { maxBytes: f.number('maxBytes') }),
    ...(f.has('dtype') && { dtype: f.oneOf('dtype', ['F32', 'BF16']) }),
  }
}

function parseEvaluate(json: unknown, path: string): Required<EvaluateDefinition> {
  const f = open(json, path, ['every', 'atStart', 'data', 'examples', 'maxNewTokens', 'shown'])
  const data = f.raw('data')
  f.require(Array.isArray(data) && data.length > 0, 'data', 'expected a list of datasets')
  return {
    every: f.integer('every'),
    atStart: f.boolean('atStart', false),
    data: (data as unknown[]).map((one, i) => parseDataset(one, f.at(`data.${i}`))),
    examples: f.integer('examples', { fallback: 50 }),
    maxNewTokens: f.integer('maxNewTokens', { fallback: 32 }),
    shown: f.integer('shown', { min: 0, fallback: 6 }),
  }
}

function parseGroups(json: unknown, path: string): GroupRule[] {
  if (!Array.isArray(json) || json.length === 0)
    throw new ConfigError(path, 'expected a list of groups: { name, match, learningRate }')
  return json.map((one, i) => {
    const f = open(one, `${path}.${i}`, ['name', 'match', 'learningRate', 'weightDecay'])
    const match = strings(f, 'match')
    f.require(match.length > 0, 'match', 'expected a list of patterns such as "casa.*"')
    return {
      name: f.string('name'),
      match,
      learningRate: f.number('learningRate'),
      weightDecay:
        f.has('weightDecay') && f.raw('weightDecay') === 0 ? 0 : f.number('weightDecay', { fallback: DEFAULT_WEIGHT_DECAY }),
    }
  })
}

function parseBetas(f: Fields): [number, number] {
  const betas = f.numbers('betas', { length: 2, fallback: [ADAMW_DEFAULTS.beta1, ADAMW_DEFAULTS.beta2] })
  f.require(
    betas.every((beta) => beta >= 0 && beta < 1),
    'betas',
    'expected two numbers of 0 to below 1',
  )
  return betas as [number, number]
}

function strings(f: Fields, name: string): string[] {
  const value = f.raw(name) ?? []
  f.require(Array.isArray(value) && value.every((x) => typeof x === 'string'), name, 'expected a list of strings')
  return value as string[]
}

function child(f: Fields, name: string, fields: string[], optional = false): Fields {
  return open(f.raw(name) ?? (optional ? {} : undefined), f.at(name), fields)
}

/** @throws ConfigError for a field that is not among `fields`: a misspelt one would silently do nothing. */
function open(json: unknown, path: string, fields: string[]): Fields {
  const f = new Fields(json, path)
  const unknown = Object.keys(json as object).find((name) => !fields.includes(name))
  if (unknown !== undefined) throw new ConfigError(f.at(unknown), `there is no such field; known are ${fields.join(', ')}`)
  return f
}
