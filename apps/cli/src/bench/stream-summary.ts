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
 * @param repeats the turns of each time the stream was run; at least one, all of the same number of turns
 */
export function summarise(repeats: readonly (readonly Turn[])[]): StreamMeasures {
  const turns = repeats[0]!.map((turn, index) => ({
    ...turn,
    firstTokenMs: Math.min(...repeats.map((each) => each[index]!.firstTokenMs)),
    decodeMs: Math.min(...repeats.map((each) => each[index]!.decodeMs)),
  }))
  const tenth = Math.max(1, Math.floor(turns.length / 10))
  const [first, last] = [turns.slice(0, tenth), turns.slice(-tenth)]
  const over = (part: typeof turns) => ({
    firstTokenMs: median(part.map(({ firstTokenMs }) => firstTokenMs)),
    tokensPerSecond: 15_000 / median(part.map(({ decodeMs }) => decodeMs)),
  })
  const [begin, end] = [over(first), over(last)]
  const step = Math.max(1, Math.ceil(turns.length / curvePoints))
  const curve = Array.from({ length: Math.floor(turns.length / step) }, (_, point): [number, number, number, number] => {
    const part = turns.slice(point * step, (point + 1) * step)
    const { firstTokenMs, tokensPerSecond } = over(part)
    return [(point + 1) * step, round(firstTokenMs), round(tokensPerSecond), part.at(-1)!.cachedTokens]
  })
  return {
    firstTokenMs: { first: begin.firstTokenMs, last: end.firstTokenMs },
    tokensPerSecond: { first: begin.tokensPerSecond, last: end.tokensPerSecond },
    cachedTokens: { first: first.at(-1)!.cachedTokens, last: last.at(-1)!.cachedTokens },
    bytes: {
      first: first.at(-1)!.bytes,
      last: last.at(-1)!.bytes,
      most: turns.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    },
    curve,
  }
}

const round = (value: number) => Number(value.toPrecision(4))
