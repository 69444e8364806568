/**
 * Pairwise win rate: a judge compares two answers to one question. Judges have a position bias, so each pair is judged in both orders.
 */

export interface Pair {
  question: string
  /** The answer whose wins are counted. */
  ours: string
  theirs: string
}

/** Which answer is better. Any model or person can be behind it. */
export type Judge = (question: string, first: string, second: string, signal?: AbortSignal) => Promise<'first' | 'second' | 'tie'>

export interface WinRate {
  /** Wins of our model over all judgements, two per pair; a tie counts as a loss. */
  winRate: number
  /** Pairs in which the judge preferred the same position in both orders. */
  consistent: number
  wins: number
  losses: number
  ties: number
}

/** The share of pairs that the first of two systems wins. Each is judged in both orders; a verdict that depends on the order counts against. */
export async function pairwiseWinRate(
  pairs: Iterable<Pair>,
  judge: Judge,
  options: { signal?: AbortSignal } = {},
): Promise<WinRate> {
  const { signal } = options
  const counts = { wins: 0, losses: 0, ties: 0, consistent: 0 }
  for (const { question, ours, theirs } of pairs) {
    signal?.throwIfAborted()
    const forward = outcome(await judge(question, ours, theirs, signal), 'first')
    const backward = outcome(await judge(question, theirs, ours, signal), 'second')
    counts[forward]++
    counts[backward]++
    if (forward === backward) counts.consistent++
  }
  const asked = counts.wins + counts.losses + counts.ties
  return { ...counts, winRate: asked === 0 ? 0 : counts.wins / asked }
}

function outcome(verdict: 'first' | 'second' | 'tie', ours: 'first' | 'second'): 'wins' | 'losses' | 'ties' {
  return verdict === 'tie' ? 'ties' : verdict === ours ? 'wins' : 'losses'
}
