/**
 * Streaming metrics of VideoLLM-online (Chen et al. 2024, arXiv 2406.11816, section 4.1): how well a model that watches a stream
 * says the right thing (LM-PPL), at the right moment (TimeDiff), and both in one number (Fluency).
 *
 * A turn is a run of frames with an answer due at the last one. At each frame a model stays silent or speaks.
 */
import { mean } from './metric.ts'

export interface StreamTurn {
  /** Decisions at the frames of the turn, the last of which is when an answer is due. True where the model chose to speak. */
  speaks: readonly boolean[]
  /**
   * If it stays silent until then: does it speak at the following frames? Those of the next turn; empty for the last turn. Only as many count
   * as the turn has frames before its last, so that late and early are judged over the same span.
   */
  speaksAfter: readonly boolean[]
  /** Of each answer token, given the right tokens before it: its loss, -ln p, and whether the most likely token was right. */
  losses: readonly number[]
  correct: readonly boolean[]
}

export interface StreamScores {
  /** Mean over turns of exp(mean loss); 1 without answers. */
  lmPpl: number
  /** Mean time between speaking and the answer being due. */
  timeDiffSeconds: number
  /** Mean share of a turn's decisions, frames and tokens, that are right before the first mistake ends it. */
  fluency: number
  /** Mean share of answer tokens before the first wrong one. */
  lmCorrectness: number
}

/**
 * The scores of a stream, as means over its turns.
 * @param options.framesPerSecond of the stream, e.g. 2
 */
export function streamScores(turns: readonly StreamTurn[], options: { framesPerSecond: number }): StreamScores {
  const answered = turns.filter((turn) => turn.losses.length > 0)
  const watched = turns.filter((turn) => turn.speaks.length > 0)
  const both = answered.filter((turn) => turn.speaks.length > 0)
  const oneIfEmpty = (values: number[]): number => (values.length === 0 ? 1 : mean(values))
  return {
    lmPpl: oneIfEmpty(answered.map((turn) => Math.exp(mean(turn.losses)))),
    timeDiffSeconds: mean(watched.map((turn) => Math.abs(framesEarly(turn)))) / options.framesPerSecond,
    fluency: oneIfEmpty(both.map(turnFluency)),
    lmCorrectness: oneIfEmpty(answered.map((turn) => rightTokens(turn) / turn.losses.length)),
  }
}

/** Frames between speaking and the answer due: above 0 too early, below 0 too late. */
export function framesEarly({ speaks, speaksAfter }: StreamTurn): number {
  const first = speaks.indexOf(true)
  if (first >= 0) return speaks.length - 1 - first
  const after = speaksAfter.slice(0, Math.max(0, speaks.length - 1))
  const late = after.indexOf(true)
  return late >= 0 ? -(late + 1) : -after.length || 0
}

function turnFluency(turn: StreamTurn): number {
  const frames = turn.speaks.length
  const early = framesEarly(turn)
  const right = early === 0 ? frames + rightTokens(turn) : early > 0 ? frames - early : frames - 1
  return right / (frames + turn.losses.length)
}

function rightTokens({ correct }: StreamTurn): number {
  const wrong = correct.indexOf(false)
  return wrong < 0 ? correct.length : wrong
}
