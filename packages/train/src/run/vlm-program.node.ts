/** The program of a run file: opens the model and the data that it names. */
import { ConfigError } from '@casa-js/base'
import type { Dataset, Params } from '@casa-js/core'
import { type TokenizerJson } from '@casa-js/tokenizers'
import { createVlm, loadModel, loadVlm, saveVlm, type Vlm } from '@casa-js/vlm'
import { matchesName } from '../groups.ts'
import type { ProgramContext } from '../program.ts'
import type { PartOfModel } from './define.ts'
import { openFeatures } from './features.node.ts'
import { openDataset } from './modules.node.ts'
import type { ParsedRun } from './parse.ts'
import { createVlmProgram, type VlmProgram } from './vlm-program.ts'

/** Options sent to the workers. References in `run` are resolved. */
export interface VlmProgramOptions {
  run: ParsedRun
  /** For a model with fresh weights. */
  tokenizerJson?: TokenizerJson | undefined
}

/**
 * The program of a run file: `loss` is the mean over answer tokens, in nats; `save` writes a model folder.
 *
 * @throws what loading the model or opening the data throws
 */
export async function createProgram(options: VlmProgramOptions, { warn }: Pick<ProgramContext, 'warn'>): Promise<VlmProgram> {
  const { run } = options
  const vlm = await openModel(options)
  const opened: Dataset[] = []
  const open = async (reference: ParsedRun['data']) => {
    const dataset = await openDataset(reference, warn)
    opened.push(dataset)
    return dataset
  }
  const close = async () => {
    vlm.dispose()
    for (const dataset of opened) await dataset.close?.()
  }
  try {
    const dataset = await open(run.data)
    const heldOut = run.evaluate && (await Promise.all(run.evaluate.data.map(open)))
    const features = run.featureCache && (await openFeatures(vlm.model, run.featureCache, (name) => isFrozen(run, name), warn))
    const program = createVlmProgram(
      vlm,
      dataset,
      heldOut ?? [],
      { batch: run.batch, seed: run.seed, evaluate: run.evaluate, features },
      warn,
    )
    return {
      ...program,
      save: (folder) => saveVlm(vlm, folder, { dtype: run.save, changed: trainedNames(vlm.model.params, run) }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openModel({ run, tokenizerJson }: VlmProgramOptions): Promise<Vlm> {
  if ('folder' in run.model) {
    const { folder, base } = run.model
    return loadVlm(folder, { base, weights: (name) => (isFrozen(run, name) ? 'compressed' : 'float32') })
  }
  const { config, template, from } = run.model
  const files = { tokenizerJson: tokenizerJson!, processorConfig: { chat: { name: template } } }
  if (!from) return createVlm(config, run.seed, files)
  const other = await loadModel(from.folder, { weights: 'float32' })
  try {
    return createVlm(config, run.seed, files, { known: partOf(other.params, from) })
  } finally {
    other.dispose()
  }
}

/** Frozen weights are only read, so they stay as the folder holds them, in 16, 8 or 4 bits. */
function isFrozen({ freeze }: ParsedRun, name: string): boolean {
  return freeze.some((pattern) => matchesName(pattern, name))
}

const trainedNames = (params: Params, run: ParsedRun): string[] => Object.keys(params).filter((name) => !isFrozen(run, name))

/** @throws ConfigError for a pattern that matches no weight of the folder */
function partOf(params: Params, { match, folder }: PartOfModel): Params {
  const names = Object.keys(params)
  for (const pattern of match)
    if (!names.some((name) => matchesName(pattern, name)))
      throw new ConfigError(
        'model.from.match',
        `the pattern "${pattern}" matches none of the ${names.length} weights of ${folder}`,
      )
  return Object.fromEntries(Object.entries(params).filter(([name]) => match.some((pattern) => matchesName(pattern, name))))
}
