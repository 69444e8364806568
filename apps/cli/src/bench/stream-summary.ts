/** What is kept of a stream: its first tenth against its last, and a curve of at most 64 points. */
import type { ContestantName, ShapeName } from './contestants.ts'
import type { Turn } from './protocol.ts'

/** A measure over the first and the last tenth of the turns. */
export interface FirstLast {
  first: number
  last: number
}

export interface StreamMeasures {
  /** Processor milliseconds from a frame to its first token. */
  firstTokenMs: FirstLast
  /** Tokens per second of processor time, of the 15 tokens after the first. */
  tokensPerSecond: FirstLast
  /** Tokens in the cache at the end of the tenth. */
  cachedTokens: FirstLast
  /** Bytes of all live tensors at the end of the tenth, and the most after any turn. */
  bytes: FirstLast & { most: number }
  /** Medians over stretches of the stream: turn, firstTokenMs, tokensPerSecond, cachedTokens. */
  curve: [number, number, number, number][]
}

export interface StreamRun extends StreamMeasures {
  shape: ShapeName
  contestant: ContestantName
  turns: number
  /** Beyond so many tokens the oldest text is forgotten. */
  slideTokens?: number
  /** Turns of the first and of the last tenth that were run, where not all were (sampled.ts). */
  sample?: number
  /** Times the stream was run; of each turn the shortest time counts. */
  repeats: number
  machine: string
}

const curvePoints = 64

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Medians over a tenth of the turns: a garbage collection or an interruption in one of them changes nothing.
 * @param repeats the rows of each time the stream was run, at least one, all of the same turns
 * @param turns length of the stream; of a sampled one there are fewer rows
 */
export function summarise(repeats: readonly (readonly Turn[])[], turns = repeats[0]!.length): StreamMeasures {
  const rows = repeats[0]!.map((row, index) => ({
    ...row,
    firstTokenMs: Math.min(...repeats.map((each) => each[index]!.firstTokenMs)),
    decodeMs: Math.min(...repeats.map((each) => each[index]!.decodeMs)),
  }))
  const tenth = Math.max(1, Math.floor(turns / 10))
  const first = rows.filter(({ turn }) => turn < tenth)
  const last = rows.filter(({ turn }) => turn >= turns - tenth)
  const over = (part: typeof rows) => ({
    firstTokenMs: median(part.map(({ firstTokenMs }) => firstTokenMs)),
    tokensPerSecond: 15_000 / median(part.map(({ decodeMs }) => decodeMs)),
  })
  const [begin, end] = [over(first), over(last)]
  const step = Math.max(1, Math.ceil(turns / curvePoints))
  const curve = Array.from({ length: Math.floor(turns / step) }, (_, point) =>
    rows.filter(({ turn }) => Math.floor(turn / step) === point),
  ).flatMap((part): [number, number, number, number][] => {
    if (part.length === 0) return []
    const { firstTokenMs, tokensPerSecond } = over(part)
    const { turn, cachedTokens } = part.at(-1)!
    return [[turn + 1, round(firstTokenMs), round(tokensPerSecond), cachedTokens]]
  })
  return {
    firstTokenMs: { first: begin.firstTokenMs, last: end.firstTokenMs },
    tokensPerSecond: { first: begin.tokensPerSecond, last: end.tokensPerSecond },
    cachedTokens: { first: first.at(-1)!.cachedTokens, last: last.at(-1)!.cachedTokens },
    bytes: {
      first: first.at(-1)!.bytes,
      last: last.at(-1)!.bytes,
      most: rows.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    },
    curve,
  }
}

/** What a stream's times are made of: a part that is always there, and one for each 1,000 tokens in the cache. */
export interface Growth {
  firstTokenMs: { constant: number; perThousand: number }
  /** One token after the first. */
  tokenMs: { constant: number; perThousand: number }
}

/** Lines through the points of the curve, by least squares. Undefined where the cache does not grow. */
export function growthOf({ curve }: Pick<StreamMeasures, 'curve'>): Growth | undefined {
  const tokens = curve.map((point) => point[3] / 1000)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = mean(tokens)
  const spread = mean(tokens.map((one) => (one - middle) ** 2))
  if (spread < 1e-9) return undefined
  const line = (values: readonly number[]) => {
    const perThousand = mean(values.map((value, i) => value * (tokens[i]! - middle))) / spread
    return { constant: mean(values) - perThousand * middle, perThousand }
  }
  return { firstTokenMs: line(curve.map((point) => point[1])), tokenMs: line(curve.map((point) => 1000 / point[2])) }
}

const round = (value: number) => Number(value.toPrecision(4))
