/**
 * The inner loop of BPE training: words as id lists, counts of neighbouring pairs kept up to date merge by merge.
 */
import TinyQueue from 'tinyqueue'

interface Word {
  ids: number[]
  count: number
}

/** A pair as one number, ordered as its two ids are; ids stay far below this. */
const SPAN = 2 ** 24

interface Candidate {
  pair: number
  count: number
}

/** Words under training, and the counts of their pairs. */
export interface Merger {
  /** Merge the most frequent pair everywhere; undefined when none occurs `minimumCount` times. Adds to the vocabulary. */
  mergeMostFrequent(minimumCount: number): [string, string] | undefined
}

/**
 * Words as lists of single characters, ready to be merged.
 * @param counts how often each word occurs; every character of a word is in `vocab`
 * @param vocab token -> id; merged tokens are added
 */
export function createMerger(counts: ReadonlyMap<string, number>, vocab: Map<string, number>): Merger {
  const tokens = [...vocab.keys()]
  const words: Word[] = [...counts].map(([text, count]) => ({ ids: Array.from(text, (letter) => vocab.get(letter)!), count }))
  const pairCounts = new Map<number, number>()
  /** Words that held the pair at some time. */
  const places = new Map<number, Set<Word>>()
  const queue = new TinyQueue<Candidate>([], (a, b) => b.count - a.count || a.pair - b.pair)

  function add(left: number, right: number, word: Word, change: number, touched: Set<number>): void {
    const pair = left * SPAN + right
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + change)
    if (change < 0) return
    touched.add(pair)
    const there = places.get(pair)
    if (there) there.add(word)
    else places.set(pair, new Set([word]))
  }
  const enqueue = (pairs: Iterable<number>): void => {
    for (const pair of pairs) queue.push({ pair, count: pairCounts.get(pair)! })
  }

  const initial = new Set<number>()
  for (const word of words)
    for (let i = 1; i < word.ids.length; i++) add(word.ids[i - 1]!, word.ids[i]!, word, word.count, initial)
  enqueue(initial)

  /** The queue's counts may be out of date: pairs whose count fell are re-queued here, pairs whose count rose were queued again already. */
  function mostFrequent(): Candidate | undefined {
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const count = pairCounts.get(top.pair)!
      if (count === top.count) return top
      if (count > 0 && count < top.count) queue.push({ pair: top.pair, count })
    }
    return undefined
  }

  function mergeIn(word: Word, left: number, right: number, merged: number, touched: Set<number>): void {
    const { ids, count } = word
    for (let i = 0; i + 1 < ids.length; i++) {
      if (ids[i] !== left || ids[i + 1] !== right) continue
      if (i > 0) {
        add(ids[i - 1]!, left, word, -count, touched)
        add(ids[i - 1]!, merged, word, count, touched)
      }
      if (i + 2 < ids.length) {
        add(right, ids[i + 2]!, word, -count, touched)
        add(merged, ids[i + 2]!, word, count, touched)
      }
      ids.splice(i, 2, merged)
    }
  }

  return {
    mergeMostFrequent(minimumCount) {
      const best = mostFrequent()
      if (best === undefined || best.count < minimumCount) return undefined
      const left = Math.floor(best.pair / SPAN)
      const right = best.pair % SPAN
      const text = tokens[left]! + tokens[right]!
      // Two merges can give the same text ("a" + "bc", "ab" + "c"): it stays one token.
      let merged = vocab.get(text)
      if (merged === undefined) {
        merged = tokens.push(text) - 1
        vocab.set(text, merged)
      }
      const touched = new Set<number>()
      for (const word of places.get(best.pair)!) mergeIn(word, left, right, merged, touched)
      pairCounts.set(best.pair, 0)
      places.delete(best.pair)
      touched.delete(best.pair)
      enqueue(touched)
      return [tokens[left]!, tokens[right]!]
    },
  }
}
