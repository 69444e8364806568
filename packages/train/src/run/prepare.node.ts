/** From a run file to what `train` takes. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CasaError, ConfigError } from '@casa-js/base'
import { parseTokenizer, readerTokens, trainBpe, type TokenizerJson } from '@casa-js/tokenizers'
import { fileSink } from '@casa-js/weights'
import type { TrainOptions } from '../train.node.ts'
import type { ModelReference, RunDefinition } from './define.ts'
import { callModule, resolveReference } from './modules.node.ts'
import { configOf, parseRun, type ParsedRun } from './parse.ts'
import type { VlmProgramOptions } from './vlm-program.node.ts'

/** What a command line may say differently from the run file. */
export type RunOverrides = { [K in 'steps' | 'workers' | 'device' | 'out']?: RunDefinition[K] | undefined }

export interface PreparedRun {
  run: ParsedRun
  options: TrainOptions & { out: string }
}

/**
 * @param file run.json, or a module whose default export is a RunDefinition. TypeScript needs a loader such as tsx.
 * @throws ConfigError naming the field, CasaError when the file cannot be read.
 */
export async function prepareRun(
  file: string,
  {
    overrides = {},
    resume = false,
    programModule,
  }: { overrides?: RunOverrides; resume?: boolean | undefined; programModule?: string } = {},
): Promise<PreparedRun> {
  const path = resolve(file)
  const written = (await readRun(path)) as Partial<RunDefinition>
  const given = {
    ...(await hintsOf(written, path)),
    ...written,
    ...defined({ ...overrides, out: overrides.out && resolve(overrides.out) }),
  }
  const parsed = parseRun(given, basename(path))
  // As written, without this machine's paths: a run may go on elsewhere.
  const config = configOf(parsed)
  const run = resolveRun(parsed, path)
  const out = resolve(dirname(path), run.out ?? join('runs', basename(path, extname(path))))
  const tokenizerJson = 'config' in run.model ? await tokenizerOf(run.model, out, resume) : undefined
  if ('config' in run.model) run.model = { ...run.model, config: withVocabulary(run.model.config, tokenizerJson!) }
  return {
    run,
    options: {
      program: {
        module:
          programModule ??
          new URL(import.meta.url.endsWith('.ts') ? './vlm-program.node.ts' : './vlm-program.node.js', import.meta.url).href,
        options: { run, tokenizerJson } satisfies VlmProgramOptions,
      },
      loop: {
        schedule: { steps: run.steps, ...run.schedule },
        groups: run.groups,
        freeze: run.freeze,
        adamw: { beta1: run.optimizer.betas[0], beta2: run.optimizer.betas[1], epsilon: run.optimizer.epsilon },
        clip: run.clip,
        shards: run.batch.perStep,
        checkpointEvery: run.checkpoint.every,
        evaluateEvery: run.evaluate?.every,
        config,
      },
      keep: run.checkpoint.keep,
      workers: run.workers,
      device: run.device,
      resume,
      out,
    },
  }
}

async function readRun(path: string): Promise<unknown> {
  if (extname(path) === '.json') return readJson(path)
  const loaded = (await import(pathToFileURL(path).href)) as { default?: unknown }
  if (typeof loaded.default !== 'object' || loaded.default === null)
    throw new ConfigError(path, 'expected `export default defineRun({ ... })`')
  return loaded.default
}

/** A folder made by `casa adapt` says what to freeze and at which rates; the run's own word counts more. */
async function hintsOf({ model }: Partial<RunDefinition>, path: string): Promise<Pick<RunDefinition, 'groups' | 'freeze'>> {
  if (typeof model !== 'object' || !('folder' in model) || typeof model.folder !== 'string') return {}
  const { training } = await readJson<{ training?: Pick<RunDefinition, 'groups' | 'freeze'> }>(
    resolve(dirname(path), model.folder, 'config.json'),
  )
  return training ? { groups: training.groups, freeze: training.freeze } : {}
}

/** References in a run become independent of where its file lies. */
function resolveRun(run: ParsedRun, path: string): ParsedRun {
  const { evaluate } = run
  return {
    ...run,
    model: resolveModel(run.model, path),
    data: resolveReference(run.data, path, 'data'),
    ...(evaluate && {
      evaluate: { ...evaluate, data: evaluate.data.map((one, i) => resolveReference(one, path, `evaluate.data.${i}`)) },
    }),
  }
}

function resolveModel(model: ModelReference, path: string): ModelReference {
  if ('folder' in model) return { folder: resolve(dirname(path), model.folder) }
  const { tokenizer } = model
  if ('file' in tokenizer) return { ...model, tokenizer: { file: resolve(dirname(path), tokenizer.file) } }
  return { ...model, tokenizer: { ...tokenizer, corpus: resolveReference(tokenizer.corpus, path, 'model.tokenizer.corpus') } }
}

/** Read, or trained and kept beside the run: a resumed run takes the one that it started with. */
async function tokenizerOf(
  { tokenizer, template }: Exclude<ModelReference, { folder: string }>,
  out: string,
  resume: boolean,
): Promise<TokenizerJson> {
  if ('file' in tokenizer) return readJson(tokenizer.file)
  const kept = join(out, 'tokenizer.json')
  const before = resume ? await readJson<TokenizerJson>(kept).catch(() => undefined) : undefined
  if (before) return before
  if (template !== 'casa-reader')
    throw new ConfigError(
      'model.template',
      `a tokenizer trained here has the special tokens of "casa-reader", not of "${template}": give tokenizer.file`,
    )
  const json = trainBpe(await callModule<string[]>(tokenizer.corpus), {
    vocabSize: tokenizer.vocabSize,
    specialTokens: readerTokens,
  })
  const sink = await fileSink(kept)
  await sink.write(new TextEncoder().encode(JSON.stringify(json)))
  await sink.commit()
  return json
}

/** text_config.vocab_size may be left out; then it is the tokenizer's. */
function withVocabulary(config: Record<string, unknown>, tokenizerJson: TokenizerJson): Record<string, unknown> {
  const text = config.text_config as Record<string, unknown> | undefined
  const { vocabSize } = parseTokenizer(tokenizerJson)
  if (text?.vocab_size === undefined) return { ...config, text_config: { ...text, vocab_size: vocabSize } }
  if ((text.vocab_size as number) < vocabSize) {
    throw new ConfigError(
      'model.config.text_config.vocab_size',
      `${text.vocab_size} rows for a tokenizer of ${vocabSize} tokens: raise it, or leave it out`,
    )
  }
  return config
}

/** @throws CasaError naming the file. */
async function readJson<T>(path: string): Promise<T> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new CasaError(`${path}: ${error.message}`)
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(path, `not JSON: ${(error as Error).message}`)
  }
}

const defined = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))
