/** Logits processors against those of transformers and of the live captioner. The same tokens must be masked. */
import type { LogitsProcessor } from '@casa-js/vlm'
import {
  divideByTemperature,
  emaRepetitionPenalty,
  keepMinP,
  keepTopK,
  keepTopP,
  noRepeatNgram,
  repetitionPenalty,
  tokenBias,
} from '@casa-js/vlm/internal'
import { relativeError, type Check } from './compare.ts'

/** One float32 rounding, or two. */
const tolerance = 1e-6

interface Row {
  processor: string
  value: number
  ids: number[]
  scores: number[]
  /** null where the token is masked. */
  result: (number | null)[]
}

interface StreamRow {
  value: { penalty: number; decay: number; ignore: number[]; max_clamp: number; bias_tokens: number[]; bias: number }
  stream: { last_token: number; scores: number[]; after_ema: number[]; after_bias: number[] }[]
}

const processors: Record<string, (value: number) => LogitsProcessor> = {
  temperature: divideByTemperature,
  top_k: keepTopK,
  top_p: keepTopP,
  min_p: keepMinP,
  repetition_penalty: repetitionPenalty,
  no_repeat_ngram: noRepeatNgram,
}

export function* verifyLogits(rows: (Row | StreamRow)[]): Iterable<Check> {
  const single = rows.filter((row): row is Row => 'processor' in row && 'result' in row)
  for (const name of new Set(single.map(({ processor }) => processor))) {
    const errors = single.filter(({ processor }) => processor === name).map((row) => rowError(row))
    const known = name in processors
    yield {
      name: `logits.${name}`,
      error: worst(errors),
      tolerance,
      note: known ? `${errors.length} rows` : 'no such processor here',
    }
  }
  const streams = rows.filter((row): row is StreamRow => 'stream' in row)
  if (streams.length > 0)
    yield { name: 'logits.stream', error: worst(streams.map(streamError)), tolerance, note: `${streams.length} streams` }
}

function rowError({ processor, value, ids, scores, result }: Row): number {
  if (!(processor in processors)) return NaN
  const logits = Float32Array.from(scores)
  processors[processor]!(value)(logits, ids)
  if (result.some((wanted, id) => (wanted === null) !== (logits[id] === -Infinity))) return NaN
  const kept = result.flatMap((wanted, id) => (wanted === null ? [] : [id]))
  return relativeError(
    kept.map((id) => logits[id]!),
    kept.map((id) => result[id]!),
  )
}

/** The EMA penalty keeps counts over the whole stream; the bias is applied to what it returned. */
function streamError({ value, stream }: StreamRow): number {
  const { penalty, decay, max_clamp: limit, ignore: exempt } = value
  const ema = emaRepetitionPenalty({ penalty, decay, limit, exempt })
  const bias = tokenBias(value.bias_tokens, value.bias)
  const ids: number[] = []
  return worst(
    stream.flatMap(({ last_token, scores, after_ema, after_bias }) => {
      ids.push(last_token)
      const logits = Float32Array.from(scores)
      ema(logits, ids)
      const first = relativeError(logits, after_ema)
      bias(logits, ids)
      return [first, relativeError(logits, after_bias)]
    }),
  )
}

const worst = (errors: number[]): number => (errors.some(Number.isNaN) ? NaN : Math.max(0, ...errors))
