/**
 * Published benchmarks: prompts, cleaning and metrics, as two sources have them.
 *
 *   casa-authors      the CASA authors' script (arXiv 2512.19535, released 2026-07): pictures at 896 px, 128 new tokens, greedy
 *   casa-lenient      the same with MME's question trimmed and the short-answer sentence added, and AI2D's letter read in any case
 *   lmms-eval-0.7.3   lmms-eval of that version with its default prompts (lmms_eval/tasks)
 */
import { ConfigError } from '@casa-js/base'
import type { Example, Message } from '@casa-js/core'
import { defineTask, type Task } from '../task.ts'
import { casaAuthors, casaLenient } from './casa.ts'
import { fitPictures } from './fit-pictures.ts'
import { lmmsEval } from './lmms-eval.ts'
import type { Benchmark } from './benchmark.ts'
import { benchmarkNames, type BenchmarkName, type BenchmarkRow } from './row.ts'
import type { BenchmarkRows } from './rows.ts'

/** What the CASA authors' script sets beside prompts and metrics. */
export const casaSettings = { imageSizePx: 896, maxNewTokens: 128, qwenSystemPrompt: 'You are a helpful assistant.' } as const

const protocols = { 'casa-authors': casaAuthors, 'casa-lenient': casaLenient, 'lmms-eval-0.7.3': lmmsEval }
export type ProtocolName = keyof typeof protocols
export const protocolNames = Object.keys(protocols) as ProtocolName[]

const showsAt896 = (protocol: ProtocolName): boolean => protocol !== 'lmms-eval-0.7.3'

/**
 * The system prompt that a protocol gives a model: the authors' script gives Qwen's models theirs, also where a template would not.
 *
 * @param modelType of the language model, e.g. "qwen2"
 */
export function protocolSystem(protocol: ProtocolName, modelType: string): string | undefined {
  return showsAt896(protocol) && modelType.startsWith('qwen') ? casaSettings.qwenSystemPrompt : undefined
}

/**
 * A benchmark's rows as a task. The caller brings the rows: no benchmark's data comes with this package.
 *
 * @param protocol whose prompts and metric; "casa-authors" unless given. Another one is part of the task's name, so that results of
 *   two protocols never mix.
 * @throws ConfigError for an unknown benchmark or protocol
 */
export function benchmarkTask(name: BenchmarkName, rows: BenchmarkRows, protocol: ProtocolName = 'casa-authors'): Task {
  const benchmark: Benchmark | undefined = protocols[protocol]?.[name]
  if (!benchmark)
    throw new ConfigError(
      `${name}, ${protocol}`,
      `expected one of ${benchmarkNames.join(', ')}, by one of ${protocolNames.join(', ')}`,
    )
  type Row = Example & { row: BenchmarkRow }
  return defineTask<unknown, Row>({
    name: protocol === 'casa-authors' ? name : `${name}@${protocol}`,
    dataset: {
      name: rows.name,
      length: rows.length,
      async get(index) {
        const row = await rows.get(index)
        const content = [
          ...row.images.map((image) => ({ type: 'image' as const, image })),
          { type: 'text' as const, text: benchmark.ask(row) },
        ]
        const messages: Message[] = [{ role: 'user', content }]
        return { id: row.id, task: row.category ?? row.questionType ?? name, messages, row }
      },
    },
    prompt: ({ messages }) => (showsAt896(protocol) ? fitPictures(messages, casaSettings.imageSizePx) : messages),
    reference: (example) => benchmark.reference(example.row),
    clean: benchmark.clean,
    metric: benchmark.metric,
    maxNewTokens: benchmark.maxNewTokens,
  })
}
