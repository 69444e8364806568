/** The runner: sends every example of every task to the model, and scores and records the answers. */
import type { Example, Message } from '@casa-js/core'
import { CasaError } from '@casa-js/base'
import type { AnswerModel } from './model.ts'
import { type EvalRecord, keyOf, memoryResults, type Pictures, type ResultStore } from './results.ts'
import type { Shard } from './shard.ts'
import { type EvalSummary, summarise, withMeanOnly } from './summary.ts'
import { greyFrames, picturesOf, type Task, textOf, withoutPictures } from './task.ts'

export interface EvalOptions {
  /** Number of examples of each task; default all. Required for an endless dataset. */
  limit?: number
  /** Only this part of the examples: every count-th, starting at the index-th. Merge the results of all parts with `mergeResults`. */
  shard?: Shard | undefined
  /** 'no-image': also run everything without pictures; streams with grey frames. */
  baseline?: 'none' | 'no-image' | undefined
  /** Existing records are reused, and their examples are not run again. Default: in memory. */
  results?: ResultStore
  onProgress?(progress: EvalProgress): void
  /** Stops between answers; also passed to the model. */
  signal?: AbortSignal
}

export interface EvalProgress {
  done: number
  total: number
  /** The record that was just made. */
  record: EvalRecord
}

export interface EvalResult {
  model: string
  records: EvalRecord[]
  summary: EvalSummary
  /** Examples that could not be read; the rest was evaluated. */
  skipped: { task: string; index: number; reason: string }[]
}

/**
 * Records are of this model, these tasks and indices below the limit, in order.
 *
 * @throws CasaError for tasks of one name, an endless dataset without a limit, or a stream for a model that cannot watch; what the model
 *   throws; the signal's reason
 */
export async function runEval(model: AnswerModel, tasks: readonly Task[], options: EvalOptions = {}): Promise<EvalResult> {
  const { baseline = 'none', results = memoryResults(), onProgress, signal } = options
  const names = tasks.map((task) => task.name)
  if (new Set(names).size !== names.length) throw new CasaError(`evaluation: two tasks have the same name: ${names.join(', ')}`)
  const indices = tasks.map((task) => indicesOf(task, options))
  const shown: Pictures[] = baseline === 'no-image' ? ['shown', 'none'] : ['shown']
  const total = indices.reduce((sum, own) => sum + own.length, 0) * shown.length

  const known = new Map((await results.read()).map((record) => [keyOf(record), record]))
  const records: EvalRecord[] = []
  const skipped: EvalResult['skipped'] = []
  for (const [position, task] of tasks.entries()) {
    for (const index of indices[position]!) {
      let example: Example | undefined
      for (const pictures of shown) {
        signal?.throwIfAborted()
        let record = known.get(
          keyOf({ model: model.name, task: task.name, dataset: task.dataset.name, index, pictures, metric: task.metric.name }),
        )
        if (!record) {
          try {
            example ??= await task.dataset.get(index)
          } catch (error) {
            if (!isBrokenExample(error)) throw error
            skipped.push({ task: task.name, index, reason: error.message })
            break
          }
          record = await askOne(model, task, example!, index, pictures, signal)
          await results.append(record)
        }
        records.push(record)
        onProgress?.({ done: records.length + skipped.length * shown.length, total, record })
      }
    }
  }
  // A metric of the whole task, such as MME's, may be undefined on a part.
  const judged = options.shard && options.shard.count > 1 ? tasks.map(withMeanOnly) : tasks
  return { model: model.name, records, summary: summarise(judged, records), skipped }
}

/** @casa-js/data's BrokenExampleError, by its code: that package draws pictures, which browsers that evaluate need not load. */
function isBrokenExample(error: unknown): error is Error {
  return CasaError.isInstance(error) && error.code === 'broken-example'
}

function indicesOf(task: Task, { limit, shard = { index: 1, count: 1 } }: EvalOptions): number[] {
  const count = exampleCount(task, limit)
  return Array.from({ length: count }, (_, index) => index).filter((index) => index % shard.count === shard.index - 1)
}

function exampleCount({ name, dataset }: Task, limit = Infinity): number {
  const count = Math.min(limit, dataset.length)
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new CasaError(
      `task ${name}: how many examples? Its dataset holds ${dataset.length}; give a limit, a whole number (got ${limit})`,
    )
  }
  return count
}

async function askOne(
  model: AnswerModel,
  task: Task,
  example: Example,
  index: number,
  pictures: Pictures,
  signal: AbortSignal | undefined,
): Promise<EvalRecord> {
  const messages = task.prompt(example)
  const ask = task.mode === 'stream' ? watchFrames : answerMessages
  const startMs = performance.now()
  const prediction = await ask(model, task, messages, pictures, signal)
  const reference = task.reference(example)
  return {
    model: model.name,
    task: task.name,
    dataset: task.dataset.name,
    index,
    id: example.id,
    group: example.task,
    pictures,
    metric: task.metric.name,
    question: textOf(messages.at(-1)),
    reference,
    prediction,
    score: task.metric.score(task.clean(prediction), reference),
    elapsedMs: Math.round(performance.now() - startMs),
  }
}

type Ask = (
  model: AnswerModel,
  task: Task,
  messages: Message[],
  pictures: Pictures,
  signal: AbortSignal | undefined,
) => Promise<string>

const answerMessages: Ask = (model, { maxNewTokens }, messages, pictures, signal) =>
  model.answer(pictures === 'shown' ? messages : withoutPictures(messages), { maxNewTokens, signal })

const watchFrames: Ask = async (model, { name }, messages, pictures, signal) => {
  if (!model.watch) throw new CasaError(`task ${name} is a stream, and ${model.name} cannot watch one: give the model a watch()`)
  const frames = picturesOf(messages)
  return (await model.watch(pictures === 'shown' ? frames : greyFrames(frames), { signal })).join('\n')
}
