/** Stop sequences over streamed text: what may be the beginning of one is held back until that is known. */

/** Made by `createStopText`. */
export interface StopText {
  /** Whether a stop sequence has come; nothing is passed on after it. */
  readonly found: boolean
  /** @returns the text that is certain to be said */
  push(text: string): string
  /** @returns what was held back, when no more text comes */
  end(): string
}

/** @param stops texts that end an answer; they are not part of it. The first to begin ends it. */
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

/** Length of the longest end of the text that a stop sequence begins with. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length
  return longest
}
