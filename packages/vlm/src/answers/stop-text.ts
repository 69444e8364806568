/** Stop sequences in streamed text: text that may be the start of one is held back until that is decided. */

/** Created by `createStopText`. */
export interface StopText {
  /** Whether a stop sequence was found; nothing is passed on after it. */
  readonly found: boolean
  /** @returns the text that is now final */
  push(text: string): string
  /** @returns the text held back, at the end of the stream */
  end(): string
}

/**
 * Cuts one streamed answer at the first stop sequence in it.
 * @param stops texts that end an answer; they are not part of it. The first to begin ends it.
 */
export function createStopText(stops: readonly string[]): StopText {
  let held = ''
  let found = false
  return {
    get found() {
      return found
    },
    push(text) {
      if (found) return ''
      held += text
      const places = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      found = places.length > 0
      const certain = found ? Math.min(...places) : held.length - longestBeginning(held, stops)
      const said = held.slice(0, certain)
      held = found ? '' : held.slice(certain)
      return said
    },
    end() {
      const rest = held
      held = ''
      return rest
    },
  }
}

/** Length of the longest suffix of the text that is a prefix of a stop sequence. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length
  return longest
}
