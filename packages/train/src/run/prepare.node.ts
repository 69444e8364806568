/** Turns a run file into the options of `train`. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CasaError, ConfigError, FileError } from '@casa-js/base'
import { parseTokenizer, readerTokens, trainBpe, type TokenizerJson } from '@casa-js/tokenizers'
import type { TrainOptions } from '../train.node.ts'
import type { ModelReference, RunDefinition } from './define.ts'
import { callModule, resolveReference } from './modules.node.ts'
import { configOf, parseRun, type ParsedRun } from './parse.ts'
import type { VlmProgramOptions } from './vlm-program.node.ts'

/** Overrides of the run file from the command line. */
export type RunOverrides = { [K in 'steps' | 'workers' | 'device' | 'out' | 'recompute']?: RunDefinition[K] | undefined }

export interface PreparedRun {
  run: ParsedRun
  options: TrainOptions & { out: string }
}

export interface PrepareOptions {
  /** Overrides from the command line. */
  overrides?: RunOverrides
  /** A run used instead of the file's content; its references are still relative to the file. */
  definition?: Partial<RunDefinition>
  /** Reuse what the resumed run has stored, e.g. its tokenizer. */
  resume?: boolean | undefined
  /** Module with `createProgram`, in place of the one for vision-language models. */
  programModule?: string | undefined
}

/**
 * Reads and checks a run file. Nothing is written.
 *
 * @param file run.json, or a module whose default export is a RunDefinition. TypeScript needs a loader such as tsx.
 * @throws ConfigError naming the field, CasaError when the file cannot be read.
 */
export async function prepareRun(file: string, options: PrepareOptions = {}): Promise<PreparedRun> {
  const { overrides = {}, resume = false, programModule } = options
  const path = resolve(file)
  const written = options.definition ?? (await readRun(path))
  const given = {
    ...(await hintsOf(written, path)),
    ...written,
    ...defined({ ...overrides, out: overrides.out && resolve(overrides.out) }),
  }
  const parsed = parseRun(given, basename(path))
  // As written, without this machine's paths: a run may be resumed on another machine.
  const config = configOf(parsed)
  const run = resolveRun(parsed, path)
  const out = resolve(dirname(path), run.out ?? join('runs', basename(path, extname(path))))
  const tokenizer = 'config' in run.model ? await tokenizerOf(run.model, out, resume) : undefined
  if ('config' in run.model) run.model = { ...run.model, config: withVocabulary(run.model.config, tokenizer!.json) }
  return {
    run,
    options: {
      program: {
        module:
          programModule ??
          new URL(import.meta.url.endsWith('.ts') ? './vlm-program.node.ts' : './vlm-program.node.js', import.meta.url).href,
        options: { run, tokenizerJson: tokenizer?.json } satisfies VlmProgramOptions,
      },
      loop: {
        schedule: { steps: run.steps, ...run.schedule },
        groups: run.groups,
        freeze: run.freeze,
        adamw: { beta1: run.optimizer.betas[0], beta2: run.optimizer.betas[1], epsilon: run.optimizer.epsilon },
        clip: run.clip,
        recompute: run.recompute,
        shards: run.batch.perStep,
        checkpointEvery: run.checkpoint.every,
        evaluateEvery: run.evaluate?.every,
        evaluateAtStart: run.evaluate?.atStart,
        config,
      },
      keep: run.checkpoint.keep,
      workers: run.workers,
      device: run.device,
      resume,
      out,
      files: tokenizer?.files ?? {},
    },
  }
}

const RUN_MODULES = ['.ts', '.mts', '.js', '.mjs']

/** What the file holds, an object at least. */
async function readRun(path: string): Promise<Partial<RunDefinition>> {
  const extension = extname(path)
  if (extension !== '.json' && !RUN_MODULES.includes(extension))
    throw new FileError(path, 'this is no run file: expected run.ts, run.js or run.json')
  const written = extension === '.json' ? await readJson<unknown>(path) : await importDefault(path)
  if (typeof written === 'object' && written !== null && !Array.isArray(written)) return written
  throw new ConfigError(
    path,
    extension === '.json' ? 'expected an object: { "model": .., "data": .. }' : 'expected `export default defineRun({ ... })`',
  )
}

async function importDefault(path: string): Promise<unknown> {
  if (!existsSync(path)) throw new FileError(path, 'there is no such file; give the path of a run file')
  try {
    return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default
  } catch (error) {
    if (CasaError.isInstance(error)) throw error
    throw new FileError(path, `this run file cannot be loaded: ${(error as Error).message}`, { cause: error })
  }
}

/** A folder made by `casa adapt` says what to freeze and at which rates; settings in the run take precedence. */
async function hintsOf({ model }: Partial<RunDefinition>, path: string): Promise<Pick<RunDefinition, 'groups' | 'freeze'>> {
  if (typeof model !== 'object' || model === null || !('folder' in model) || typeof model.folder !== 'string') return {}
  const config = await readJson<{ training?: Pick<RunDefinition, 'groups' | 'freeze'> } | null>(
    resolve(dirname(path), model.folder, 'config.json'),
  )
  return config?.training ? { groups: config.training.groups, freeze: config.training.freeze } : {}
}

/** References in a run become independent of where its file lies. */
function resolveRun(run: ParsedRun, path: string): ParsedRun {
  const { evaluate, featureCache } = run
  return {
    ...run,
    ...(featureCache && { featureCache: { ...featureCache, folder: resolve(dirname(path), featureCache.folder) } }),
    model: resolveModel(run.model, path),
    data: resolveReference(run.data, path, 'data'),
    ...(evaluate && {
      evaluate: { ...evaluate, data: evaluate.data.map((one, i) => resolveReference(one, path, `evaluate.data.${i}`)) },
    }),
  }
}

function resolveModel(model: ModelReference, path: string): ModelReference {
  const fromHere = (folder: string): string => (/^(hub:|https?:)/.test(folder) ? folder : resolve(dirname(path), folder))
  if ('folder' in model)
    return { folder: fromHere(model.folder), ...(model.base !== undefined && { base: fromHere(model.base) }) }
  const { tokenizer, from } = model
  return {
    ...model,
    ...(from && { from: { ...from, folder: fromHere(from.folder) } }),
    tokenizer:
      'file' in tokenizer
        ? { file: resolve(dirname(path), tokenizer.file) }
        : { ...tokenizer, corpus: resolveReference(tokenizer.corpus, path, 'model.tokenizer.corpus') },
  }
}

const TOKENIZER_FILE = 'tokenizer.json'

/** Read, or trained and stored with the run: a resumed run uses the tokenizer that it started with. */
async function tokenizerOf(
  { tokenizer, template }: Exclude<ModelReference, { folder: string }>,
  out: string,
  resume: boolean,
): Promise<{ json: TokenizerJson; files: Record<string, string> }> {
  if ('file' in tokenizer) return { json: await readJson(tokenizer.file), files: {} }
  const kept = join(out, TOKENIZER_FILE)
  if (resume && existsSync(kept)) return { json: await readJson(kept), files: {} }
  if (template !== 'casa-reader')
    throw new ConfigError(
      'model.template',
      `a tokenizer trained here has the special tokens of "casa-reader", not of "${template}": give tokenizer.file`,
    )
  const json = trainBpe(await callModule<string[]>(tokenizer.corpus), {
    vocabSize: tokenizer.vocabSize,
    specialTokens: readerTokens,
  })
  return { json, files: { [TOKENIZER_FILE]: JSON.stringify(json) } }
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
    throw new FileError(path, error.message, { cause: error })
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ConfigError(path, `not JSON: ${(error as Error).message}`)
  }
}

const defined = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))
