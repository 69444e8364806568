/** The tasks of `casa eval`: the held-out sets of the shipped model, or the user's own data. */
import { CasaError, ConfigError, FileError } from '@casa-js/base'
import type { Dataset } from '@casa-js/core'
import { openJsonlDataset, type RowProblem } from '@casa-js/data'
import {
  benchmarkNames,
  benchmarkTask,
  defineTask,
  exactMatch,
  looseMatch,
  type BenchmarkName,
  type ProtocolName,
  type Task,
} from '@casa-js/eval'
import { openBenchmark } from '@casa-js/eval/node'
import { decodeImage } from '@casa-js/vision'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface TaskOptions {
  /** JSONL files, or modules whose default export makes a dataset or a task. Without any: the shipped model's held-out sets. */
  data: string[]
  /** Names of the tasks to keep; all without any. */
  only: string[]
  /** Examples drawn for each held-out set, and the seed they are drawn by. */
  count: number
  seed: number
  /** Ignore case and punctuation. */
  loose?: boolean | undefined
  maxNewTokens: number
  /** Of benchmarks. */
  protocol?: ProtocolName | undefined
  /** Pictures of a JSONL file may lie outside its folder. */
  allowOutside?: boolean | undefined
  warn(message: string): void
}

/**
 * Answers are judged by exact match, unless a module makes a task with a metric of its own.
 *
 * @throws CasaError when nothing is left to ask, or data cannot be opened
 */
export async function findTasks(options: TaskOptions): Promise<Task[]> {
  const { data, only, maxNewTokens, loose } = options
  const wanted = only.filter(isBenchmark)
  if (wanted.length > 0 && !data.some(isOwnData)) {
    const rest = only.filter((name) => !isBenchmark(name))
    if (rest.length > 0)
      throw new ConfigError(`--task ${only.join(' ')}`, `benchmarks and other tasks (${rest.join(', ')}) do not mix`)
    return Promise.all(wanted.map((name) => openBenchmarkTask(name, options)))
  }
  const sets = data.length > 0 ? await Promise.all(data.map((file) => openData(file, options))) : await shippedSets(options)
  const unknown = only.filter((name) => !sets.some((set) => set.name === name))
  if (unknown.length > 0)
    throw new ConfigError(
      `--task ${unknown.join(' ')}`,
      `there is no such task; there are ${sets.map(({ name }) => name).join(', ')}`,
    )
  return sets
    .filter(({ name }) => only.length === 0 || only.includes(name))
    .map((set) => (isTask(set) ? set : defineTask({ ...set, metric: loose ? looseMatch : exactMatch, maxNewTokens })))
}

/** Whether the named tasks are published benchmarks, which have a protocol. */
export const asksBenchmarks = (only: readonly string[]): boolean => only.some(isBenchmark)

const isBenchmark = (name: string): name is BenchmarkName => (benchmarkNames as readonly string[]).includes(name)
const isOwnData = (file: string): boolean => /\.(jsonl|[cm]?[jt]s)$/.test(file)

async function openBenchmarkTask(name: BenchmarkName, { data, protocol }: TaskOptions): Promise<Task> {
  const rows = await openBenchmark(name, { data, decode: (bytes) => decodeImage(bytes) })
  return benchmarkTask(name, rows, protocol)
}

interface NamedSet {
  name: string
  dataset: Dataset
}

/** The default export of a module of data. @param options --limit and --seed */
type MakeData = (options: { count: number; seed: number }) => Dataset | Task | Promise<Dataset | Task>

const isTask = (made: object): made is Task => 'metric' in made

async function openData(file: string, { warn, allowOutside, count, seed }: TaskOptions): Promise<NamedSet | Task> {
  const path = resolve(file)
  const name = basename(file, extname(file))
  if (extname(file) === '.jsonl') {
    const onProblem = ({ file, line, message, leftOut }: RowProblem) =>
      warn(`${file}:${line}${leftOut ? ' is left out' : ''}: ${message}`)
    const decode = (bytes: Uint8Array) => decodeImage(bytes)
    return { name, dataset: await openJsonlDataset({ file: path, allowOutside, decode, onProblem }) }
  }
  await import('../train/typescript.ts')
  const { default: make } = (await import(pathToFileURL(path).href)) as { default?: MakeData }
  if (typeof make !== 'function')
    throw new FileError(file, 'its default export must be a function that makes a dataset or a task')
  const made = await make({ count, seed })
  return isTask(made) ? made : { name, dataset: made }
}

/** Generated from fonts, words and emoji not used in training; that material is in the repository, not in the package. */
async function shippedSets({ count, seed }: TaskOptions): Promise<NamedSet[]> {
  const recipe = '@casa-js/reader'
  try {
    const { readerTasks } = (await import(recipe)) as {
      readerTasks(of: { count: number; seed: number }): { task: string; dataset: Dataset }[]
    }
    return readerTasks({ count, seed }).map(({ task, dataset }) => ({
      name: task,
      dataset: { ...dataset, name: `${dataset.name}-${seed}` },
    }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new CasaError(
      'the held-out sets of the shipped model come with a checkout of casa-js; here, give your own: --data questions.jsonl',
      { cause: error },
    )
  }
}
